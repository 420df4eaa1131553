#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "persistence/cases/messages.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::list_cases)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::close_case_by_hand)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::cases_told)

namespace tk {

/// CASES: what staff read and close. An *error* of a change means that its outcome is unknown; to
/// repeat it does no harm.
using cases_actor = caf::typed_actor<caf::replies_to<list_cases>::with<cases_told>,
                                     caf::replies_to<close_case_by_hand>::with<cases_told>>;

} // namespace tk
