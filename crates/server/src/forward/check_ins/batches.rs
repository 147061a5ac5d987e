//! Gathering messages into batches, and taking batches out of a body.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Encoder as _, FramedRead, LengthDelimitedCodec};
use tokio_util::io::StreamReader;

/// From one batch to the next at least: what comes meanwhile goes in one message. Nobody notices it who waits, and
/// of 2, 1 and 0 ms each costs the leader more (`benches/README.md`).
const PACE: Duration = Duration::from_millis(5);

/// Most messages in a batch. Fifty thousand a second may come at this pace.
const MOST: usize = 256;

/// After how long an empty batch is sent where there is nothing to say: a machine that was lost is noticed by what
/// it does not acknowledge.
const BEAT: Duration = Duration::from_secs(20);

/// Longest batch, in bytes: of the longest answers.
const LONGEST: usize = 32 << 20;

fn frames() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder()
        .max_frame_length(LONGEST)
        .new_codec()
}

/// The messages that come from here, as a body of batches. Each batch is told to `sent` before it goes out.
pub(super) fn batches<T: Serialize + Send + 'static>(
    from: mpsc::UnboundedReceiver<T>,
    sent: impl FnMut(&[T]) + Send + 'static,
) -> Body {
    let gathering = Gathering {
        from,
        sent,
        last: None,
    };
    let batches = stream::unfold(gathering, |mut gathering| async move {
        let batch = gathering.next().await?;
        Some((Ok::<_, Infallible>(batch), gathering))
    });
    Body::from_stream(batches)
}

struct Gathering<T, F> {
    from: mpsc::UnboundedReceiver<T>,
    sent: F,
    last: Option<Instant>,
}

impl<T: Serialize, F: FnMut(&[T])> Gathering<T, F> {
    /// The next batch; none when nobody is left who could say something.
    async fn next(&mut self) -> Option<Bytes> {
        let mut batch = match timeout(BEAT, self.from.recv()).await {
            Ok(first) => vec![first?],
            Err(_) => Vec::new(),
        };
        if let Some(last) = self.last {
            sleep_until(last + PACE).await;
        }
        while batch.len() < MOST
            && let Ok(next) = self.from.try_recv()
        {
            batch.push(next);
        }
        (self.sent)(&batch);
        self.last = Some(Instant::now());
        let mut frame = BytesMut::new();
        // Neither fails: whatever is said has bytes, and no batch is too long.
        let bytes = rmp_serde::to_vec(&batch).unwrap_or_default();
        let _ = frames().encode(Bytes::from(bytes), &mut frame);
        Some(frame.freeze())
    }
}

type Bodies = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// Batches of messages in a body.
pub(super) struct Batches(FramedRead<StreamReader<Bodies, Bytes>, LengthDelimitedCodec>);

impl Batches {
    pub(super) fn of(body: Body) -> Self {
        let pieces: Bodies = Box::pin(body.into_data_stream().map_err(io::Error::other));
        Self(FramedRead::new(StreamReader::new(pieces), frames()))
    }

    /// The next batch; none at the end. Whoever waits no more for it has lost nothing.
    ///
    /// # Errors
    /// A body that breaks off, or what is no batch.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<Vec<T>>> {
        let Some(frame) = self.0.next().await.transpose()? else {
            return Ok(None);
        };
        let batch = rmp_serde::from_slice(&frame);
        batch
            .map(Some)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_comes_within_a_moment_goes_in_one_batch_and_the_first_at_once() {
        let (say, from) = mpsc::unbounded_channel::<u64>();
        let lengths = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&lengths);
        let body = batches(from, move |batch| told.lock().unwrap().push(batch.len()));
        let mut heard = Batches::of(body);
        let begun = Instant::now();
        say.send(0).unwrap();
        assert_eq!(heard.next().await.unwrap(), Some(vec![0_u64]));
        assert_eq!(begun.elapsed(), Duration::ZERO, "nothing was under way");
        for number in 1..=300 {
            say.send(number).unwrap();
        }
        let second: Vec<u64> = heard.next().await.unwrap().unwrap();
        assert_eq!(second, (1..=256).collect::<Vec<_>>());
        assert!(begun.elapsed() >= PACE, "{:?}", begun.elapsed());
        let third: Vec<u64> = heard.next().await.unwrap().unwrap();
        assert_eq!(third, (257..=300).collect::<Vec<_>>());
        drop(say);
        assert_eq!(heard.next::<u64>().await.unwrap(), None);
        assert_eq!(*lengths.lock().unwrap(), [1, 256, 44]);
    }

    #[tokio::test(start_paused = true)]
    async fn where_there_is_nothing_to_say_that_is_said() {
        let (_say, from) = mpsc::unbounded_channel::<u64>();
        let mut heard = Batches::of(batches(from, |_| {}));
        let begun = Instant::now();
        for count in 1..=3 {
            assert_eq!(heard.next::<u64>().await.unwrap(), Some(Vec::new()));
            assert_eq!(begun.elapsed(), BEAT * count);
        }
    }

    #[tokio::test]
    async fn what_is_no_batch_is_refused() {
        let too_long = u32::try_from(LONGEST + 1).unwrap().to_be_bytes();
        for wrong in [&b"\0\0\0\x03abc"[..], b"\0\0\0\x09\x91", &too_long] {
            let mut heard = Batches::of(Body::from(wrong.to_vec()));
            assert!(heard.next::<u64>().await.is_err(), "{wrong:?}");
        }
    }
}
