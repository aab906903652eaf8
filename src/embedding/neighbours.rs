//! Neighbours found on a GPU: the index asks for them, and the encoder's crate has the GPU.

use neodex_encoder::nearest::Terms;
use neodex_encoder::{Device, NearestRows};
use neodex_index::vector::{CodedRows, Neighbours, NeighboursError};

/// Finds the nearest of all vectors by comparing all of them on a GPU, for segments to be linked by; see
/// [`DatabaseBuilder::neighbours`](crate::DatabaseBuilder::neighbours). The GPU is opened for each segment and given back after it: nothing is
/// asked of it until there is one to build.
#[derive(Debug, Clone, Copy)]
pub struct GpuNeighbours {
    device: Device,
}

impl GpuNeighbours {
    /// On this device, which must be a GPU when it is needed: else segments are linked in the ordinary way.
    pub fn on(device: Device) -> Self {
        Self { device }
    }
}

impl Neighbours for GpuNeighbours {
    fn find(
        &self,
        rows: &CodedRows<'_>,
        count: usize,
        found: &mut dyn FnMut(&[u32]) -> bool,
    ) -> Result<(), NeighboursError> {
        let mut on_gpu = guarded(|| NearestRows::on(self.device, rows.width(), rows.scale()))?;
        for from in (0..rows.len()).step_by(NearestRows::MOST_PUSHED) {
            let part = from..from + NearestRows::MOST_PUSHED;
            let terms: Vec<Terms> =
                rows.terms(part.clone()).map(|terms| [terms.factor, terms.offset, terms.lift]).collect();
            guarded(|| on_gpu.push(rows.codes(part), &terms))?;
        }
        for from in (0..rows.len()).step_by(NearestRows::MOST_ASKED) {
            let asked = from..rows.len().min(from + NearestRows::MOST_ASKED);
            if !found(&guarded(|| on_gpu.nearest(asked, count))?) {
                break;
            }
        }
        Ok(())
    }
}

/// A call into the GPU's libraries, which panic where the driver is not what they expect.
fn guarded<T>(call: impl FnOnce() -> neodex_encoder::Result<T>) -> Result<T, NeighboursError> {
    match neodex_guard::call(call) {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err("the GPU's libraries gave up".into()),
    }
}
