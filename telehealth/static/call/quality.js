/** Quality of a connection: 5 is as good as it gets, 0 is nothing coming in. */

// Worse than this share lost, or than this round trip in seconds, is the level.
const LIMITS = [
  { level: 1, loss: 0.15, rtt: 1 },
  { level: 2, loss: 0.07, rtt: 0.6 },
  { level: 3, loss: 0.03, rtt: 0.35 },
  { level: 4, loss: 0.01, rtt: 0.18 },
];

/** The level for the packets that came in, the share lost and the round trip. */
export function level({ packets, loss, rtt }) {
  if (!packets) return 0;
  return LIMITS.find((limit) => loss > limit.loss || rtt > limit.rtt)?.level ?? 5;
}

/**
 * What getStats() gave, against `counts` of the last look: {level, loss, rtt, room, counts}. `room`:
 * bits a second that could be sent.
 */
export function measure(report, before = { packets: 0, lost: 0 }) {
  const counts = { packets: 0, lost: 0 };
  let worst = 0;
  let rtt = 0;
  let room;
  for (const [, stat] of report) {
    if (stat.type === 'inbound-rtp') {
      counts.packets += stat.packetsReceived ?? 0;
      counts.lost += stat.packetsLost ?? 0;
    } else if (stat.type === 'remote-inbound-rtp') {
      worst = Math.max(worst, stat.fractionLost ?? 0);
    } else if (stat.type === 'candidate-pair' && stat.nominated && stat.state === 'succeeded') {
      rtt = stat.currentRoundTripTime ?? 0;
      // Of several ways Chromium says it of the one in use. Firefox never does, and takes care by itself.
      room = stat.availableOutgoingBitrate ?? room ?? Infinity;
    }
  }
  const packets = Math.max(0, counts.packets - before.packets);
  const lost = Math.max(0, counts.lost - before.lost);
  const loss = Math.max(lost && lost / (packets + lost), worst);
  return { level: level({ packets, loss, rtt }), loss, rtt, room: room ?? 0, counts };
}
