//! A group of one: nothing to wait for, nothing to add.

use super::ProcessGroup;
use crate::error::{Error, Result};

/// The only member.
#[derive(Clone, Copy, Debug, Default)]
pub struct Single;

impl ProcessGroup for Single {
    fn rank(&self) -> usize {
        0
    }

    fn world_size(&self) -> usize {
        1
    }

    fn all_reduce_sum(&self, _values: &mut [f32]) -> Result<()> {
        Ok(())
    }

    fn reduce_scatter_sum(&self, values: &[f32], part: &mut [f32]) -> Result<()> {
        copy(values, part)
    }

    fn all_gather(&self, part: &[f32], values: &mut [f32]) -> Result<()> {
        copy(part, values)
    }

    fn broadcast(&self, _values: &mut [f32], root: usize) -> Result<()> {
        match root {
            0 => Ok(()),
            _ => Err(Error::ProcessGroup { rank: 0, reason: format!("there is no rank {root} in a group of 1") }),
        }
    }

    fn barrier(&self) -> Result<()> {
        Ok(())
    }
}

fn copy(from: &[f32], to: &mut [f32]) -> Result<()> {
    if from.len() != to.len() {
        let reason = format!("a part of {} for {} values in a group of 1", to.len(), from.len());
        return Err(Error::ProcessGroup { rank: 0, reason });
    }
    to.copy_from_slice(from);
    Ok(())
}
