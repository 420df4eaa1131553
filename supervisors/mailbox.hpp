#pragma once

#include <cstdint>

#include <caf/allowed_unsafe_message_type.hpp>

#include "actors/base/placement.hpp"
#include "actors/base/time.hpp"

/// How much waits for an entity. Only the entity itself may count its mailbox, so it is asked,
/// ahead of what waits; what does not answer in time is at work on one message, or stuck.
namespace tk {

/// From a region to an entity of its own. Told, not requested: of CAF's requests none go ahead of
/// what waits, whatever their priority (0.17.6).
struct count_mailbox {
  uint64_t no = 0; ///< Of this question.
};
struct mailbox_counted {
  uint64_t no = 0;
  uint64_t messages = 0; ///< Behind this question.
};

/// To a region: how much waits in the mailbox of an entity. It is not started, nor kept awake.
struct look_into_mailbox {
  entity_key key;
};
struct mailbox_look {
  enum class state : uint8_t {
    none = 1, ///< It does not run here.
    counted,
    silent ///< It did not answer within `mailbox_patience`.
  } is = state::none;
  uint64_t messages = 0;
};

/// From a region to itself: the entity had its time.
struct mailbox_late {
  uint64_t no = 0;
};

constexpr millis mailbox_patience{400};

/// An entity's answer, of itself.
template <class Self> mailbox_counted mailbox_of(Self* self, const count_mailbox& asked) {
  return {asked.no, self->mailbox().count()};
}

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::count_mailbox)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::mailbox_counted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::look_into_mailbox)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::mailbox_look)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::mailbox_late)
