//! Slots of one size in mapped regions, found by bitmaps: taking and giving back is one atomic operation each and waits for nobody.

use std::cell::Cell;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

use crate::protected::Usage;
use crate::region::Region;

/// The first region of a size. Later ones double, so that few secrets lock little memory and many need few regions.
const FIRST_REGION: usize = 16 * 1024;
const LARGEST_REGION: usize = 16 * 1024 * 1024;
const MAX_REGIONS: usize = 32;

/// Bytes of a slot, by size.
const SIZES: [usize; 3] = [32, 64, LARGEST];
pub(crate) const LARGEST: usize = 512;

/// The smallest size that has room for `N` bytes.
const fn size_for<const N: usize>() -> usize {
    match N {
        0..=32 => 0,
        33..=64 => 1,
        _ => 2,
    }
}

/// 64 slots beside each other. On a cache line of its own, so that threads that use different groups do not slow each other.
#[repr(align(64))]
pub(crate) struct Group {
    /// A bit for each slot that is free.
    free: AtomicU64,
    start: NonNull<u8>,
}

// SAFETY: `start` is only an address; the bitmap decides who may use which slot.
unsafe impl Send for Group {}
// SAFETY: as above.
unsafe impl Sync for Group {}

/// A free slot, all zero; nothing if no memory can be mapped.
#[inline]
pub(crate) fn take<const N: usize>() -> Option<(NonNull<[u8; N]>, &'static Group)> {
    thread_local! {
        /// Where this thread found its last slots, by size. It has no destructor, so it serves destructors of other thread-locals too.
        static NEAREST: [Cell<Option<&'static Group>>; SIZES.len()] = const { [const { Cell::new(None) }; SIZES.len()] };
    }
    let size = const { size_for::<N>() };
    NEAREST.with(|nearest| {
        if let Some(group) = nearest[size].get()
            && let Some(slot) = group.take()
        {
            return Some((slot, group));
        }
        let (slot, group) = POOLS[size].search()?;
        nearest[size].set(Some(group));
        Some((slot, group))
    })
}

pub(crate) fn usage() -> Usage {
    let mut usage = Usage::default();
    for region in regions() {
        match region.memory.is_locked() {
            true => usage.locked_bytes += region.memory.length() as u64,
            false => usage.unlocked_bytes += region.memory.length() as u64,
        }
    }
    usage
}

/// In the child of a fork: it inherits the memory, but not that it was locked.
pub(crate) fn lock_again() {
    regions().for_each(|region| region.memory.lock());
}

impl Group {
    #[inline]
    fn take<const N: usize>(&self) -> Option<NonNull<[u8; N]>> {
        let mut free = self.free.load(Ordering::Relaxed);
        while free != 0 {
            let index = free.trailing_zeros();
            // Acquire: whoever gave the slot back had wiped it.
            match self.free.compare_exchange_weak(free, free & (free - 1), Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => {
                    // SAFETY: the group has 64 slots of this size from `start` on.
                    return Some(unsafe { self.start.add(index as usize * SIZES[const { size_for::<N>() }]).cast() });
                }
                Err(now) => free = now,
            }
        }
        None
    }

    /// # Safety
    /// The slot came from `take` of this group with the same `N`, is all zero, and is not used any more.
    #[inline]
    pub(crate) unsafe fn give_back<const N: usize>(&self, slot: NonNull<[u8; N]>) {
        let index = (slot.addr().get() - self.start.addr().get()) / SIZES[const { size_for::<N>() }];
        self.free.fetch_or(1 << index, Ordering::Release);
    }
}

/// A mapped region and the bitmaps of its slots. Never unmapped.
struct Slots {
    memory: Region,
    groups: Box<[Group]>,
}

struct Pool {
    slot: usize,
    /// Filled from the front.
    regions: [AtomicPtr<Slots>; MAX_REGIONS],
}

static POOLS: [Pool; SIZES.len()] = [Pool::new(SIZES[0]), Pool::new(SIZES[1]), Pool::new(SIZES[2])];

fn regions() -> impl Iterator<Item = &'static Slots> {
    POOLS.iter().flat_map(Pool::mapped)
}

impl Pool {
    const fn new(slot: usize) -> Self {
        Self { slot, regions: [const { AtomicPtr::new(null_mut()) }; MAX_REGIONS] }
    }

    fn mapped(&'static self) -> impl DoubleEndedIterator<Item = &'static Slots> {
        self.regions.iter().filter_map(|region| {
            // SAFETY: null, or from `Box::into_raw` in `map_next`, which nobody frees once it is here.
            unsafe { region.load(Ordering::Acquire).as_ref() }
        })
    }

    #[cold]
    fn search<const N: usize>(&'static self) -> Option<(NonNull<[u8; N]>, &'static Group)> {
        static TURN: AtomicUsize = AtomicUsize::new(0);
        loop {
            // Threads start at different groups. The newest region is the largest and the emptiest.
            let turn = TURN.fetch_add(1, Ordering::Relaxed);
            for region in self.mapped().rev() {
                let (before, after) = region.groups.split_at(turn % region.groups.len());
                if let Some(found) = after.iter().chain(before).find_map(|group| group.take().map(|slot| (slot, group)))
                {
                    return Some(found);
                }
            }
            self.map_next()?;
        }
    }

    /// One more region, by this thread or by another one meanwhile.
    fn map_next(&'static self) -> Option<()> {
        let (place, number) =
            self.regions.iter().zip(0_u32..).find(|(place, _)| place.load(Ordering::Acquire).is_null())?;
        let first = FIRST_REGION.max(64 * self.slot);
        let length = first.checked_shl(number).map_or(LARGEST_REGION, |length| length.min(LARGEST_REGION));
        let memory = Region::map(length)?;
        let groups = memory.length() / (64 * self.slot);
        // SAFETY: the region has room for that many groups.
        let start = |group| unsafe { memory.start().add(group * 64 * self.slot) };
        let groups = (0..groups).map(|group| Group { free: AtomicU64::new(u64::MAX), start: start(group) }).collect();
        let slots = Box::into_raw(Box::new(Slots { memory, groups }));
        if place.compare_exchange(null_mut(), slots, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: made above, and nobody else has seen it. Dropping it unmaps the region.
            drop(unsafe { Box::from_raw(slots) });
        }
        Some(())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use crate::{Protected, usage};

    #[test]
    fn many_secrets_get_more_regions() {
        let kept: Vec<_> = (0..3_000).map(|_| Protected::<64>::zero()).collect();
        let usage = usage();
        assert!(usage.locked_bytes + usage.unlocked_bytes >= 3_000 * 64);
        drop(kept);
    }
}
