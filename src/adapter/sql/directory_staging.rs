//! The extract on its way: parts of the file, each sorted by blind index and cut into sealed blocks.
//!
//! Sorting parts and merging them later writes 2 million lines as some thousand rows, in order, and needs the memory
//! of one part. A block is entries of `index (32) ‖ kind (1) ‖ length (u32 BE) ‖ text`.

use std::time::Instant;

use uuid::Uuid;
use zeroize::Zeroizing;

use super::directory::hold;
use super::row::corrupt;
use super::statements_directory::BLOCK_INSERT;
use super::store::Store;
use crate::base::RunId;
use crate::jose::SealContext;
use crate::ports::{PersonIndex, PortResult, RunClaim, StagedLine};

/// A line with the blind index of its person; none when it was refused.
pub(super) type Entry = (PersonIndex, Option<String>);

/// Writes the lines of a part, a few blocks in a transaction.
pub(super) async fn stage(
    store: &Store,
    claim: RunClaim,
    chunk: u32,
    lines: Vec<StagedLine>,
) -> PortResult<()> {
    let mut entries: Vec<Entry> =
        lines.into_iter().map(|line| (store.national_index(&line.national_id), line.text)).collect();
    entries.sort_unstable();
    entries.dedup();
    let mut blocks = Blocks { entries: entries.into_iter().peekable() };
    loop {
        let began = Instant::now();
        let sealed: Vec<(PersonIndex, Vec<u8>)> = blocks
            .by_ref()
            .take(BLOCKS_AT_ONCE)
            .map(|(last, plain)| (last, seal(store, (claim.run, chunk, &last), &plain)))
            .collect();
        if sealed.is_empty() {
            return Ok(());
        }
        let mut write = store.write().await?;
        hold(&mut write, claim).await?;
        for (last, body) in sealed {
            on!(write.connection(), |c| sqlx::query_as::<_, ()>(BLOCK_INSERT)
                .bind(claim.run.uuid())
                .bind(i64::from(chunk))
                .bind(last.as_slice())
                .bind(body)
                .fetch_optional(c))?;
        }
        // Nothing is decided yet: the events are those of the run.
        write.commit_all(std::iter::empty()).await?;
        store.let_others_write(began.elapsed()).await;
    }
}

/// Entries packed into blocks that end between two persons.
struct Blocks {
    entries: std::iter::Peekable<std::vec::IntoIter<Entry>>,
}

impl Iterator for Blocks {
    type Item = (PersonIndex, Zeroizing<Vec<u8>>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut plain = Zeroizing::new(Vec::with_capacity(BLOCK + BLOCK / 8));
        let mut last = self.entries.peek()?.0;
        while let Some((index, text)) = self.entries.next_if(|(i, _)| *i == last || plain.len() < BLOCK) {
            last = index;
            plain.extend(index);
            plain.push(if text.is_some() { READ } else { REFUSED });
            let text = Zeroizing::new(text.unwrap_or_default());
            plain.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            plain.extend(text.as_bytes());
        }
        Some((last, plain))
    }
}

fn seal(store: &Store, place: (RunId, u32, &PersonIndex), plain: &[u8]) -> Vec<u8> {
    let name = name(place);
    let context = SealContext { kind: SEALED, name: &name, clear: &[] };
    store.sealer.seal(store.entropy.as_ref(), &context, plain)
}

/// The entries of a block.
pub(super) async fn open(
    store: &Store,
    place: (RunId, u32, &PersonIndex),
    sealed: &[u8],
) -> PortResult<Vec<Entry>> {
    let name = name(place);
    let context = SealContext { kind: SEALED, name: &name, clear: &[] };
    let plain = Zeroizing::new(store.sealer.open(&context, sealed).await?);
    let mut rest = plain.as_slice();
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let (entry, after) = entry(rest).ok_or_else(|| corrupt("a block of the directory is malformed"))?;
        entries.push(entry);
        rest = after;
    }
    Ok(entries)
}

fn entry(bytes: &[u8]) -> Option<(Entry, &[u8])> {
    let (index, rest) = bytes.split_first_chunk::<32>()?;
    let (kind, rest) = rest.split_first()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let text = std::str::from_utf8(text).ok()?.to_owned();
    Some(((*index, (*kind == READ).then_some(text)), rest))
}

fn name((run, chunk, last): (RunId, u32, &PersonIndex)) -> Vec<u8> {
    [run.uuid().as_bytes().as_slice(), &chunk.to_be_bytes(), last].concat()
}

/// The name under which a stored block is sealed.
pub(super) fn sealed_name(run: Uuid, chunk: i64, last: &[u8]) -> Vec<u8> {
    let chunk = u32::try_from(chunk).unwrap_or(u32::MAX);
    [run.as_bytes().as_slice(), &chunk.to_be_bytes(), last].concat()
}

pub(super) const SEALED: &str = "directory_blocks/sealed";
const READ: u8 = 1;
const REFUSED: u8 = 0;
/// Bytes of a block, at which the next person begins another.
const BLOCK: usize = 64 * 1024;
/// Of one transaction: some milliseconds.
const BLOCKS_AT_ONCE: usize = 8;
