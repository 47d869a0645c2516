//! Random bytes of the operating system, for new secrets.

use ring::rand::{SecureRandom, SystemRandom};

use crate::error::Error;

/// Fills the buffer with random bytes.
pub fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    SystemRandom::new().fill(bytes).map_err(|_| Error::System {
        what: "failed to generate a value".to_owned(),
        cause: "the operating system returned no random bytes".to_owned(),
        help: "generate the value with another program, and pass it with --stdin".into(),
    })
}
