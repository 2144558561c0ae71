//! Reading back. Whatever the bytes are, reading ends with engines or with the
//! reason, and takes no more memory than the engines' own bounds allow and the
//! bytes pay for.

use std::io::Read;

use super::{CheckpointError, END, WINDOW, WINDOWS};
use crate::bytes::Input;
use crate::detect::engine::Engine;
use crate::detect::evidence::Touch;
use crate::model::group::GroupId;
use crate::model::line::{LineId, RegionId};
use crate::model::time::{Timestamp, Window};

/// What was read back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Lines, those of different windows apart.
    pub lines: u64,
    /// Groups that they touched.
    pub touches: u64,
    /// Those of them whose class was in use.
    pub in_use: u64,
    /// Touches beyond the bounds of an engine.
    pub refused: u64,
}

/// Adds what was written to the engines that own it by `owner`. Regions are by
/// the numbers of who wrote them; `region` gives those of today. After an error
/// some of it may have been added, and the engines are to be thrown away.
pub fn restore(
    from: impl Read,
    engines: &mut [Engine],
    owner: impl Fn(LineId) -> usize,
    region: impl Fn(u16) -> RegionId,
) -> Result<Restored, CheckpointError> {
    let mut reader =
        Reader { input: Input::new(from), engines, owner, region, restored: Restored::default() };
    let mut read = 0;
    loop {
        read += match reader.input.byte()? {
            END => break,
            WINDOW => reader.window()?,
            tag => return reader.input.damaged(format!("a slice with the tag {tag:#04x}")),
        };
    }
    let said = reader.input.number()?;
    if said != read {
        return reader.input.damaged(format!("{read} lines were found, and {said} were written"));
    }
    if !reader.input.is_at_end()? {
        return reader.input.damaged("more bytes after the end");
    }
    Ok(reader.restored)
}

struct Reader<'e, R, O, M> {
    input: Input<R>,
    engines: &'e mut [Engine],
    owner: O,
    region: M,
    restored: Restored,
}

impl<R: Read, O: Fn(LineId) -> usize, M: Fn(u16) -> RegionId> Reader<'_, R, O, M> {
    fn line(&mut self) -> Result<(LineId, usize), CheckpointError> {
        let line = LineId(u128::from_le_bytes(self.input.array()?));
        match (self.owner)(line) {
            owner if owner < self.engines.len() => Ok((line, owner)),
            _ => self.input.damaged("a line without an engine"),
        }
    }

    /// The start of a window of this length.
    fn start(&mut self, window: Window) -> Result<Timestamp, CheckpointError> {
        let millis = self.input.number()?;
        let start = Timestamp::from_millis(millis);
        if millis > Timestamp::MAX.as_millis() || window.start(start) != start {
            return self.input.damaged(format!("no window of {} starts there", window.as_str()));
        }
        Ok(start)
    }

    fn window(&mut self) -> Result<u64, CheckpointError> {
        let number = self.input.byte()?;
        let Some(window) = WINDOWS.get(usize::from(number)).copied() else {
            return self.input.damaged(format!("a window {number}, allowed: 0, 1"));
        };
        let start = self.start(window)?;
        let mut groups = Vec::new();
        for _ in 0..self.input.number()? {
            groups.push(GroupId::from_u64(u64::from_le_bytes(self.input.array()?)));
        }
        let length = usize::try_from(window.length().as_millis()).unwrap_or(usize::MAX);
        let lines = self.input.number()?;
        for _ in 0..lines {
            let (line, owner) = self.line()?;
            let region = (self.region)(self.input.small("a region")?);
            let touches = self.input.number()?;
            if touches == 0 {
                return self.input.damaged("a line that touched nothing");
            }
            self.restored.lines += 1;
            for _ in 0..touches {
                let group = groups.get(self.input.below(groups.len(), "a group in place")?);
                let touch = self.touch(length)?;
                let Some(group) = group.copied() else { continue };
                let engine = &mut self.engines[owner];
                let most = engine.settings.most_touches;
                let kept =
                    Engine::window(&mut engine.open, window, start).is_some_and(|evidence| {
                        evidence.restore(line, region, (group, touch), most).is_ok()
                    });
                self.restored.touches += u64::from(kept);
                self.restored.in_use += u64::from(kept && touch.in_use());
                self.restored.refused += u64::from(!kept);
            }
        }
        Ok(lines)
    }

    fn touch(&mut self, length: usize) -> Result<Touch, CheckpointError> {
        let packets = self.input.small("a number of packets")?;
        let known: u32 = self.input.small("a number of packets")?;
        let first = self.input.below(length, "milliseconds after the start,")?;
        let later =
            self.input.below(2 * (length - first), "milliseconds after the first, twice,")?;
        let of = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        let times = (of(first), of(first + later / 2));
        let (bytes, scaled) = (self.input.number()?, self.input.number()?);
        Ok(Touch::restored((packets, known), times, later % 2 == 1, bytes, scaled))
    }
}
