#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "persistence/letters/messages.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::list_letters)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::letter_page)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::replay_letter)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::discard_letter)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::letter_reply)

namespace tk {

/// LETTERS: dead letters and their ends. An *error* means that nothing is known of the outcome; to
/// repeat it does no harm.
using letters_actor = caf::typed_actor<caf::replies_to<list_letters>::with<letter_page>,
                                       /// Has the consumer take it, then puts that on record.
                                       caf::replies_to<replay_letter>::with<letter_reply>,
                                       caf::replies_to<discard_letter>::with<letter_reply>>;

} // namespace tk
