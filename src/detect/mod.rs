//! Evidence in windows and the rule that claims a class.
