//! The snapshot that a volume leaves behind.

use aws_sdk_ec2::types::{ResourceType, SnapshotState};
use jiff::Timestamp;
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::kind::Leave;
use terrace_core::mark::{KEPT, KEPT_OF, Tags};

use super::super::shared::{filter, with_tags};
use super::VolumeLive;
use crate::client::{Aws, missing};
use crate::door::Op;

/// Leaves a snapshot behind and waits until it is whole: what users stored is not lost by a deletion.
pub(super) async fn final_snapshot(cx: &Aws, have: &VolumeLive, leave: &Leave) -> Result<()> {
    let id = match earlier_snapshot(cx, have).await? {
        Some(id) => id,
        None => match take_snapshot(cx, have, leave).await {
            Err(error) if error.class == ErrorClass::Unknown => {
                after_doubt(cx, have, leave).await?
            }
            taken => taken?,
        },
    };
    let filters = vec![filter("snapshot-id", &id)];
    let whole = || async {
        let answer = cx
            .read("ec2:DescribeSnapshots", || {
                cx.ec2
                    .describe_snapshots()
                    .set_filters(Some(filters.clone()))
                    .send()
            })
            .await?;
        match answer
            .snapshots()
            .first()
            .and_then(|snapshot| snapshot.state.clone())
        {
            Some(SnapshotState::Completed) => Ok(Some(())),
            Some(SnapshotState::Error) => {
                let message = format!(
                    "the final snapshot {id} of {} failed; the volume stays",
                    have.disk.id
                );
                Err(CloudError::new(
                    "ec2:CreateSnapshot",
                    ErrorClass::Invalid,
                    message,
                ))
            }
            _ => Ok(None),
        }
    };
    // AWS copies something like 100 MiB/s of what was written.
    let minutes = 1.0 + f64::from(have.disk.size) / 6.0;
    cx.until(minutes, "the final snapshot", whole).await
}

async fn take_snapshot(cx: &Aws, have: &VolumeLive, leave: &Leave) -> Result<String> {
    const ACTION: &str = "ec2:CreateSnapshot";
    let owner = leave.identity.owner();
    let title = format!("{owner} {} final {}", have.address, leave.stamp);
    let tags: Tags = [("Name", &title), (KEPT, &owner), (KEPT_OF, &have.address)]
        .map(|(key, value)| (key.to_owned(), value.clone()))
        .into();
    // No token, no unique name: what a lost answer has taken is looked for.
    let answer = cx
        .mutate(Op::once(ACTION), || {
            cx.ec2
                .create_snapshot()
                .volume_id(&have.disk.id)
                .description(&title)
                .tag_specifications(with_tags(ResourceType::Snapshot, &tags))
                .send()
        })
        .await?;
    answer
        .snapshot_id
        .ok_or_else(|| missing(ACTION, "snapshot id"))
}

/// The snapshot that a call without an answer has taken, looked for during a minute; else another.
async fn after_doubt(cx: &Aws, have: &VolumeLive, leave: &Leave) -> Result<String> {
    for attempt in 0..8 {
        if let Some(id) = earlier_snapshot(cx, have).await? {
            return Ok(id);
        }
        tokio::time::sleep(cx.timing.poll(attempt, 1.0)).await;
    }
    take_snapshot(cx, have, leave).await
}

/// The final snapshot that an interrupted deletion took within the last hour. An older one may lack
/// what was written since, if the volume was attached again.
async fn earlier_snapshot(cx: &Aws, have: &VolumeLive) -> Result<Option<String>> {
    if have.instance.is_some() {
        return Ok(None);
    }
    let filters = vec![
        filter("volume-id", &have.disk.id),
        filter(format!("tag:{KEPT}"), cx.owner()),
    ];
    let answer = cx
        .read("ec2:DescribeSnapshots", || {
            cx.ec2
                .describe_snapshots()
                .set_filters(Some(filters.clone()))
                .send()
        })
        .await?;
    let recent = Timestamp::now().as_second() - 3600;
    let fits = answer.snapshots().iter().find(|snapshot| {
        snapshot.state != Some(SnapshotState::Error)
            && snapshot.start_time.is_some_and(|time| time.secs() > recent)
    });
    Ok(fits.and_then(|snapshot| snapshot.snapshot_id.clone()))
}
