//! Ctrl-C. What can stop in an orderly way is asked to, and keeps what it has; anything else stops at once, and so does everything on the
//! second press.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use neodex::Cancel;

use crate::exit::INTERRUPTED;

/// The switch behind Ctrl-C.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt {
    /// What a command that can stop in an orderly way watches.
    pub(crate) cancel: Cancel,
    orderly: Arc<AtomicBool>,
    /// The same as `cancel`, for what does not know the database.
    flag: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens from now on.
    pub(crate) fn install() -> Self {
        let interrupt = Self::default();
        let handler = interrupt.clone();
        // Without a handler Ctrl-C still ends the program, and the database is safe either way.
        let _ = ctrlc::set_handler(move || handler.pressed());
        interrupt
    }

    /// From now on the first press only asks to stop.
    pub(crate) fn stop_orderly(&self) {
        self.orderly.store(true, Ordering::Relaxed);
    }

    /// What is set when the user asks to stop.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.flag)
    }

    /// From now on a press ends the program.
    pub(crate) fn stop_at_once(&self) {
        self.orderly.store(false, Ordering::Relaxed);
    }

    fn pressed(&self) {
        if self.orderly.load(Ordering::Relaxed) && !self.cancel.is_cancelled() {
            self.cancel.cancel();
            self.flag.store(true, Ordering::Relaxed);
            let told = "neodex: stopping after what is under way; press again to stop at once";
            let _ = writeln!(std::io::stderr().lock(), "\n{told}");
        } else {
            std::process::exit(i32::from(INTERRUPTED));
        }
    }
}
