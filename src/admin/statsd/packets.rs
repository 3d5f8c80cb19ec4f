//! Lines together in packets that no link cuts in two.

use super::lines::{Line, Told};

/// An Ethernet frame's, less the headers, as StatsD's manual says.
pub(super) const MAX_BYTES: usize = 1432;

/// Some lines.
#[derive(Debug, Default)]
pub(super) struct Packet {
    /// As they are sent.
    pub text: String,
    /// What has been told when they are.
    pub tells: Vec<Told>,
}

/// As few as there can be; a line that fits into none, which only a very long name makes, is left out.
pub(super) fn packets(lines: Vec<Line>) -> Vec<Packet> {
    let mut packets: Vec<Packet> = Vec::new();
    for line in lines.into_iter().filter(|line| line.text.len() <= MAX_BYTES) {
        match packets.last_mut() {
            Some(packet) if packet.text.len() + 1 + line.text.len() <= MAX_BYTES => {
                packet.text.push('\n');
                packet.text.push_str(&line.text);
                packet.tells.extend(line.tells);
            }
            _ => packets.push(Packet { text: line.text, tells: line.tells }),
        }
    }
    packets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_full_and_no_fuller() {
        let line = |length: usize| Line { text: "x".repeat(length), tells: vec![(length.to_string(), 1.0)] };
        let all = packets([716, 715, 1, 1432, 1433, 1431, 1].map(line).into());
        assert_eq!(all.iter().map(|packet| packet.text.len()).collect::<Vec<_>>(), [1432, 1, 1432, 1431, 1]);
        let told: usize = all.iter().map(|packet| packet.tells.len()).sum();
        assert_eq!(told, 6, "what is left out is not told");
        assert_eq!(all[0].text.lines().map(str::len).collect::<Vec<_>>(), [716, 715]);
    }
}
