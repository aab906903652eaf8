//! The operations between the matrix products, by kernels of our own. What each does stands in `packed::op`.
#![allow(unsafe_code)]

use candle_core::{DType, Error, Result, Tensor};

use super::launch::{Argument, NEOBERT, THREADS, address, count, launch, number};

/// Rows of a block where each warp has one.
const ROWS: u32 = THREADS / 32;
/// Numbers a thread reads at a time.
const EIGHT: usize = 8;
/// Heads a thread turns.
const HEADS: u32 = 4;

pub(crate) fn add_norm(
    stream: Tensor,
    addend: Option<&Tensor>,
    weight: &Tensor,
    eps: f32,
    dtype: DType,
) -> Result<(Tensor, Tensor)> {
    let (rows, width) = stream.dims2()?;
    let narrow = addend.map_or(dtype, Tensor::dtype);
    if addend.is_some_and(|addend| addend.dims() != [rows, width]) || weight.dims() != [width] {
        return Err(mismatch("add_norm"));
    }
    let kernel = match dtype == narrow {
        true => format!("add_norm_{}", suffix(narrow)?),
        false if dtype == DType::F32 => format!("last_norm_{}", suffix(narrow)?),
        false => return Err(mismatch("add_norm")),
    };
    let normed = uninitialized(rows, width, dtype, &stream)?;
    let arguments = [
        address(&stream, DType::F32)?,
        addend.map_or(Ok(Argument::Address(0)), |addend| address(addend, narrow))?,
        address(weight, DType::F32)?,
        address(&normed, dtype)?,
        count(rows)?,
        count(eights(width)?)?,
        Argument::Real(eps),
    ];
    // SAFETY: the signature is that of `add_norm`; stream, addend and output are (rows, width), the weight is (width).
    unsafe {
        launch(stream.device().as_cuda_device()?, &NEOBERT, &kernel, (number(rows)?.div_ceil(ROWS), 1), &arguments)?
    };
    Ok((stream, normed))
}

pub(crate) fn rotate(qkv: Tensor, table: &Tensor, positions: &Tensor, heads: usize) -> Result<Tensor> {
    let (rows, width) = qkv.dims2()?;
    let head_dim = eights(width / heads / 3)?;
    if heads * 3 * head_dim != width || table.dim(1)? != head_dim || positions.dims() != [rows] {
        return Err(mismatch("rotate"));
    }
    let arguments = [
        address(&qkv, qkv.dtype())?,
        address(table, DType::F32)?,
        address(positions, DType::U32)?,
        count(rows)?,
        count(heads)?,
        count(head_dim)?,
    ];
    let grid = (blocks(rows * head_dim)?, number(heads)?.div_ceil(HEADS));
    let kernel = format!("rotate_{}", suffix(qkv.dtype())?);
    // SAFETY: the signature is that of `rotate`; qkv is (rows, heads, 3, head_dim), there is a position for each row, and positions are
    // below the table's length because sequences are no longer than the model's limit.
    unsafe { launch(qkv.device().as_cuda_device()?, &NEOBERT, &kernel, grid, &arguments)? };
    Ok(qkv)
}

pub(crate) fn swiglu(both: &Tensor) -> Result<Tensor> {
    let (rows, width) = both.dims2()?;
    let inner = eights(width / 2)?;
    if 2 * inner != width {
        return Err(mismatch("swiglu"));
    }
    let mixed = uninitialized(rows, inner, both.dtype(), both)?;
    let arguments = [address(both, both.dtype())?, address(&mixed, both.dtype())?, count(rows)?, count(inner)?];
    let kernel = format!("swiglu_{}", suffix(both.dtype())?);
    // SAFETY: the signature is that of `swiglu`; the input is (rows, 2 * inner), the output (rows, inner).
    unsafe { launch(both.device().as_cuda_device()?, &NEOBERT, &kernel, (blocks(rows * inner)?, 1), &arguments)? };
    Ok(mixed)
}

pub(crate) fn span_means(states: &Tensor, spans: &Tensor) -> Result<Tensor> {
    let (_, width) = states.dims2()?;
    let (runs, two) = spans.dims2()?;
    if two != 2 {
        return Err(mismatch("span_mean"));
    }
    let means = uninitialized(runs, width, DType::F32, states)?;
    let arguments = [
        address(states, DType::F32)?,
        address(spans, DType::U32)?,
        address(&means, DType::F32)?,
        count(eights(width)?)?,
    ];
    // SAFETY: the signature is that of `span_mean`; there are two bounds a run, none past the states, because a batch is packed so; the
    // output is (runs, width), and THREADS columns of it are a block's.
    unsafe {
        launch(
            states.device().as_cuda_device()?,
            &NEOBERT,
            "span_mean",
            (number(runs)?, number(width)?.div_ceil(THREADS)),
            &arguments,
        )?;
    }
    Ok(means)
}

/// A tensor that the kernel to come writes in full.
fn uninitialized(rows: usize, width: usize, dtype: DType, beside: &Tensor) -> Result<Tensor> {
    // SAFETY: every number is written before it is read: each kernel here covers its output.
    unsafe { Tensor::empty((rows, width), dtype, beside.device()) }
}

/// Blocks for one thread every eight numbers.
fn blocks(numbers: usize) -> Result<u32> {
    Ok(number(numbers / EIGHT)?.div_ceil(THREADS))
}

fn eights(width: usize) -> Result<usize> {
    match width.is_multiple_of(EIGHT) && width > 0 {
        true => Ok(width),
        false => Err(Error::Msg(format!("kernels take widths that are multiples of 8, and this is {width}"))),
    }
}

fn suffix(dtype: DType) -> Result<&'static str> {
    match dtype {
        DType::BF16 => Ok("bf16"),
        DType::F16 => Ok("f16"),
        DType::F32 => Ok("f32"),
        other => Err(Error::UnsupportedDTypeForOp(other, "kernel")),
    }
}

fn mismatch(kernel: &str) -> Error {
    Error::Msg(format!("shapes or types do not fit the kernel {kernel}"))
}
