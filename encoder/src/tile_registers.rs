//! The tile registers of AMX (Sapphire Rapids and later): whether this process may use them, and setting them up.
//!
//! The intrinsics are not stable, so that assembly drives them. Linux grants the registers to a process that asks once. The trainer has a
//! kernel of its own over them, hence a module beside the engine.
#![allow(unsafe_code)]

use std::arch::asm;
use std::sync::OnceLock;

/// Number of `arch_prctl`, its request for a part of the state, and the number of that part.
const ARCH_PRCTL: usize = 158;
const ARCH_REQ_XCOMP_PERM: usize = 0x1023;
const XFEATURE_XTILEDATA: usize = 18;

/// Whether this process may use the tiles, for bf16 and 8-bit integers: the processor has them, and the system grants them.
pub fn granted() -> bool {
    static GRANTED: OnceLock<bool> = OnceLock::new();
    *GRANTED.get_or_init(ask)
}

fn ask() -> bool {
    let leaf = std::arch::x86_64::__cpuid_count(7, 0).edx;
    let (bf16, tile, int8) = (leaf >> 22 & 1, leaf >> 24 & 1, leaf >> 25 & 1);
    if bf16 & tile & int8 == 0 {
        return false;
    }
    let refused: usize;
    // SAFETY: a system call that changes nothing but what this process's threads may use.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => refused,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    refused == 0
}

/// The registers of the calling thread as eight tiles of 16 rows of 64 bytes, until it is dropped. No other session may begin on the thread
/// in the meantime: its end would be the end of both.
#[derive(Debug)]
pub struct Session {
    set: bool,
}

impl Session {
    /// Sets the tiles up; where they are not [`granted`], nothing happens.
    #[inline]
    pub fn begin() -> Self {
        let set = granted();
        if set {
            let mut shapes = Shapes([0; 64]);
            shapes.0[0] = 1; // the palette
            for tile in 0..8 {
                shapes.0[16 + 2 * tile] = 64; // bytes of a row
                shapes.0[48 + tile] = 16; // rows
            }
            // SAFETY: the instruction is there and granted; 64 bytes are read.
            unsafe { asm!("ldtilecfg [{}]", in(reg) &shapes, options(nostack, readonly)) };
        }
        Self { set }
    }
}

/// What the registers are set up by.
#[repr(C, align(64))]
struct Shapes([u8; 64]);

impl Drop for Session {
    fn drop(&mut self) {
        if self.set {
            // SAFETY: the instruction is there.
            unsafe { asm!("tilerelease", options(nostack, nomem)) };
        }
    }
}
