#include "persistence/letters/replay.hpp"

#include "actors/base/mutants.hpp"

namespace tk {

namespace {

void put_on_record(const letter_ways& ways, const replay_letter& x, const row_outcome& said,
                   letter_reply seen, const letter_ways::heard& done) {
  // Mutant: whoever does not answer has surely taken it.
  bool taken = said.is == row_fate::delivered ||
               (said.is == row_fate::unknown && mutant("ends_letters_untold"));
  if (taken) return ways.end_as({x.id, x.by, x.why}, letter_state::replayed, done);
  if (said.is == row_fate::refused) return ways.note_refusal(x.id, said.why, done);
  seen.is = letter_end::not_told;
  done(ec::ok, seen);
}

/// Mutant: what comes once more is something new, with an id of its own.
outbox_row as_told(const letter_row& x) {
  auto out = x.event;
  if (mutant("replays_as_new")) out.id.hi ^= 1;
  return out;
}

void hand(const letter_ways& ways, const replay_letter& x, letter_reply seen,
          const letter_ways::heard& done) {
  if (seen.is != letter_end::done || seen.row.is == letter_state::replayed)
    return done(ec::ok, seen);
  if (seen.row.is == letter_state::discarded) {
    seen.is = letter_end::other_end;
    return done(ec::ok, seen);
  }
  bool here = ways.hand(seen.row.consumer, as_told(seen.row),
                        [=](const row_outcome& said) { put_on_record(ways, x, said, seen, done); });
  if (here) return;
  seen.is = letter_end::not_here;
  done(ec::ok, seen);
}

} // namespace

void replay(const letter_ways& ways, const replay_letter& x, const letter_ways::heard& done) {
  ways.look(x.id, [=](ec is, const letter_reply& seen) {
    if (is == ec::ok) hand(ways, x, seen, done);
    else done(is, seen);
  });
}

} // namespace tk
