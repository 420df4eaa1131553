#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "persistence/reconciliation/messages.hpp"

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::begin_reconciliation)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::reconciliation_begun)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::find_money)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::money_found)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::touch_reconciliation)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::reconciliation_goes_on)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::ask_again)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::asked_again)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::open_case)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::close_case)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::case_noted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::compare_rows)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::rows_compared)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::end_reconciliation)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::reconciliation_ended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::look_at_cases)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::cases_seen)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::reconcile_now)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::reconcile_begun)

namespace tk {

/// RECONCILIATION: the record of runs and cases, on a connection of its own, so that nobody waits
/// behind it. An *error* means that the outcome is unknown; to repeat any of these does no harm.
using reconciliation_actor = caf::typed_actor<
  /// Begins a run, unless one is under way or none is due.
  caf::replies_to<begin_reconciliation>::with<reconciliation_begun>,
  /// An attempt as it is now.
  caf::replies_to<find_money>::with<money_found>,
  /// Says that a run goes on.
  caf::replies_to<touch_reconciliation>::with<reconciliation_goes_on>,
  /// Sets the durable timer of a failed attempt to now.
  caf::replies_to<ask_again>::with<asked_again>,
  /// Puts a case on record; found again it stays the same one.
  caf::replies_to<open_case>::with<case_noted>,
  /// Closes a case that is none any more.
  caf::replies_to<close_case>::with<case_noted>,
  /// Compares rows with each other.
  caf::replies_to<compare_rows>::with<rows_compared>,
  /// Ends a run.
  caf::replies_to<end_reconciliation>::with<reconciliation_ended>,
  /// Closes what is repaired, and counts what is open.
  caf::replies_to<look_at_cases>::with<cases_seen>>;

/// RECONCILER: asks providers and compares, of its own accord and on demand.
using reconciler_actor = caf::typed_actor<
  /// Begins a run at this node, unless one is under way anywhere; answers before it has ended.
  caf::replies_to<reconcile_now>::with<reconcile_begun>>;

} // namespace tk
