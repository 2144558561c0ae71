//! What people wrote about devices: signature files.
