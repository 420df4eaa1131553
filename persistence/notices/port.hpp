#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "persistence/notices/messages.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::list_notices)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::set_notice)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::change_notice)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::remove_notice)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::notices_told)

namespace tk {

/// NOTICES: the record of what buyers are told, on a connection of its own, because most is to be
/// told while the shop is busiest. An *error* of a change means that its outcome is unknown; to
/// repeat it does no harm.
using notices_actor = caf::typed_actor<caf::replies_to<list_notices>::with<notices_told>,
                                       caf::replies_to<set_notice>::with<notices_told>,
                                       caf::replies_to<change_notice>::with<notices_told>,
                                       caf::replies_to<remove_notice>::with<notices_told>>;

} // namespace tk
