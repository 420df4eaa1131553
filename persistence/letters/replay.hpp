#pragma once

#include <functional>
#include <string>

#include "actors/base/errors.hpp"
#include "persistence/letters/messages.hpp"

namespace tk {

/// What a replay asks of others; each of them answers once. An error means that nothing is known.
struct letter_ways {
  using heard = std::function<void(ec, const letter_reply&)>;
  /// The letter as it is on record; `done` when there is one.
  std::function<void(letter_id, heard)> look;
  /// Puts on record how it ended, unless it had ended before.
  std::function<void(const discard_letter&, letter_state, heard)> end_as;
  /// Puts on record that it was refused once more.
  std::function<void(letter_id, const std::string& why, heard)> note_refusal;
  /// Hands its domain event to the consumer of this name; false: there is none here.
  std::function<bool(const std::string& consumer, const outbox_row&,
                     std::function<void(const row_outcome&)>)>
    hand;
};

/// Has a letter's consumer take it, who takes a domain event once however often it comes, and then
/// puts that on record. Whatever is lost on the way, to do it again does no harm.
void replay(const letter_ways& ways, const replay_letter& x, const letter_ways::heard& done);

} // namespace tk
