//! What the members of a group tell each other is what plain sums over all of them give, in the same order every time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::thread;

use neodex_training::distributed::{ProcessGroup, Single, ThreadRank, Threads};
use neodex_training::random::Random;

fn values(rank: usize, length: usize) -> Vec<f32> {
    let mut random = Random::keyed(7, &[rank as u64]);
    (0..length).map(|_| random.uniform(-1.0, 1.0) * 10_f32.powi(random.below(9) as i32 - 4)).collect()
}

/// The sum over all ranks, in their order.
fn sum(world: usize, length: usize) -> Vec<f32> {
    let all: Vec<Vec<f32>> = (0..world).map(|rank| values(rank, length)).collect();
    (0..length).map(|at| all[1..].iter().fold(all[0][at], |sum, values| sum + values[at])).collect()
}

fn on_each<T: Send>(world: usize, work: impl Fn(ThreadRank) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = Threads::group(world).into_iter().map(|rank| scope.spawn(move || work(rank))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn every_operation_agrees_with_plain_arithmetic() {
    for world in [1, 2, 3, 5] {
        let length = 4 * world;
        let expected = sum(world, length);
        let answers = on_each(world, |group| {
            let rank = group.rank();
            assert_eq!(group.world_size(), world);
            let mut reduced = values(rank, length);
            let mut part = vec![0.0; 4];
            let mut gathered = vec![0.0; length];
            for _ in 0..20 {
                reduced = values(rank, length);
                group.all_reduce_sum(&mut reduced).unwrap();
                group.reduce_scatter_sum(&values(rank, length), &mut part).unwrap();
                group.all_gather(&part, &mut gathered).unwrap();
                group.barrier().unwrap();
            }
            let mut told = values(rank, 3);
            group.broadcast(&mut told, world - 1).unwrap();
            (reduced, part, gathered, told)
        });
        for (rank, (reduced, part, gathered, told)) in answers.into_iter().enumerate() {
            assert_eq!(reduced, expected);
            assert_eq!(part, expected[4 * rank..4 * rank + 4]);
            assert_eq!(gathered, expected);
            assert_eq!(told, values(world - 1, 3));
        }
    }
}

#[test]
fn a_group_of_one_changes_nothing() {
    let mut reduced = values(0, 5);
    let (mut part, mut gathered) = (vec![0.0; 5], vec![0.0; 5]);
    Single.all_reduce_sum(&mut reduced).unwrap();
    Single.reduce_scatter_sum(&values(0, 5), &mut part).unwrap();
    Single.all_gather(&part, &mut gathered).unwrap();
    Single.broadcast(&mut gathered, 0).unwrap();
    Single.barrier().unwrap();
    assert_eq!((&reduced, &part, &gathered), (&values(0, 5), &values(0, 5), &values(0, 5)));
    assert!(Single.broadcast(&mut gathered, 1).is_err() && Single.all_gather(&part, &mut gathered[..4]).is_err());
}

#[test]
fn members_that_do_not_fit_are_told_and_nobody_waits_for_ever() {
    let answers = on_each(3, |group| {
        let mut values = vec![1.0; 3 + group.rank() / 2];
        group.all_reduce_sum(&mut values).map_err(|error| error.to_string())
    });
    assert!(
        answers.iter().all(|answer| answer.as_ref().is_err_and(|error| error.contains("process group"))),
        "{answers:?}"
    );
    // The second member stops after the first operation.
    let answers = on_each(3, |group| {
        group.barrier().unwrap();
        match group.rank() {
            1 => Ok(()),
            _ => group.all_reduce_sum(&mut [0.0]),
        }
    });
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true, false]);
}
