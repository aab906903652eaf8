//! How fast a device multiplies matrices: what the encoder's own speed is measured against.

use std::time::Instant;

use candle_core::{DType, Tensor};

use crate::device::Device;
use crate::error::Result;
use crate::precision::Precision;

impl Device {
    /// Floating-point operations a second of products of two square matrices, 8192 wide on a GPU and 1024 on a processor, by the library
    /// the encoder calls. `precision` is what they are in; what a device has no such product for counts as f32.
    ///
    /// # Errors
    /// [`Error::DeviceUnavailable`](crate::Error::DeviceUnavailable), [`Error::Compute`](crate::Error::Compute).
    pub fn product_speed(self, precision: Precision) -> Result<f64> {
        let device = self.open()?.device;
        let (width, repeats): (usize, usize) = if device.is_cuda() { (8192, 30) } else { (1024, 3) };
        let dtype = match precision {
            Precision::Bf16 if device.is_cuda() => DType::BF16,
            Precision::F16 if device.is_cuda() => DType::F16,
            _ => DType::F32,
        };
        let matrix = || Tensor::rand(-1.0_f32, 1.0, (width, width), &device)?.to_dtype(dtype);
        let (a, b) = (matrix()?, matrix()?);
        let multiply = |times: usize| {
            for _ in 0..times {
                a.matmul(&b)?;
            }
            device.synchronize()
        };
        multiply(repeats.div_ceil(10))?;
        let start = Instant::now();
        multiply(repeats)?;
        let seconds = start.elapsed().as_secs_f64();
        Ok(2.0 * (width as f64).powi(3) * repeats as f64 / seconds)
    }
}
