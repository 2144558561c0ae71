//! What front workers have to remember: their decoders, and sealed under the line
//! key the data sets that wait for a template. A decoder knows no key, and
//! `orient` knows neither files nor chance; here they meet.

use rand::TryRng;
use rand::rngs::SysRng;

use super::part::Source;
use crate::bytes::Progress;
use crate::decode::checkpoint::Writing;
use crate::orient::LineKeys;
use crate::orient::sealing::SALT;
use crate::pipeline::Front;

impl Source for Front {
    type Writing = Writing;

    fn begin(&self) -> Writing {
        self.decoder().begin_checkpoint()
    }

    fn write(&self, writing: &mut Writing, into: &mut Vec<u8>, enough: usize) -> Progress {
        let seal = |context: &[u8], sets| seal(self.keys(), context, sets);
        self.decoder().write_checkpoint(writing, into, enough, seal)
    }

    fn records(writing: &Writing) -> u64 {
        writing.written()
    }
}

fn seal(keys: &LineKeys, context: &[u8], sets: Vec<u8>) -> Option<Vec<u8>> {
    let mut salt = [0; SALT];
    let drawn = SysRng.try_fill_bytes(&mut salt).ok();
    let sealed = drawn.and_then(|()| keys.seal(salt, context, sets));
    if sealed.is_none() {
        tracing::error!(
            "data sets that wait for a template cannot be sealed, and are in no checkpoint: the system gives no random bytes"
        );
    }
    sealed
}
