#include "tests/simulation/dead_letters.hpp"

#include <caf/atom.hpp>
#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>
#include <caf/system_messages.hpp>

namespace tk::sim {

namespace {

/// A handler has thrown, or did not understand.
bool is_never_right(const caf::error& x) {
  return x.category() == caf::atom("system") || x == caf::exit_reason::unhandled_exception;
}

/// What a fault may cost. Actors that the simulation ends as by an exception end for a reason of
/// their own.
bool is_lost(const caf::error& x) {
  return x == caf::sec::request_timeout || x == caf::sec::request_receiver_down ||
         x == caf::exit_reason::unknown;
}

} // namespace

void dead_letters::note(const caf::scheduled_actor& receiver, const caf::error& what) {
  if (!what || !wrong_.empty()) return;
  if (is_lost(what) ? excused : !is_never_right(what)) return;
  wrong_ = std::string{receiver.name()} + " was told: " + caf::to_string(what);
}

void dead_letters::look_at(const caf::scheduled_actor& receiver, const caf::mailbox_element& x) {
  const caf::type_erased_tuple& content = x.content();
  if (x.mid.is_response()) {
    bool first =
      excused || answered_.emplace(receiver.id(), x.mid.request_id().integer_value()).second;
    if (first && content.match_elements<caf::error>())
      note(receiver, content.get_as<caf::error>(0));
  } else if (content.match_elements<caf::down_msg>()) {
    note(receiver, content.get_as<caf::down_msg>(0).reason);
  } else if (content.match_elements<caf::exit_msg>()) {
    note(receiver, content.get_as<caf::exit_msg>(0).reason);
  }
}

/// A turn handles a few messages: all that wait are looked at, answers before what overtakes them.
void dead_letters::look(caf::scheduled_actor& receiver) {
  auto& mailbox = receiver.mailbox();
  if (mailbox.closed() || mailbox.blocked()) return;
  mailbox.fetch_more();
  auto& queues = mailbox.queue().queues();
  auto look = [&](const caf::mailbox_element& x) { look_at(receiver, x); };
  std::get<caf::scheduled_actor::normal_queue_index>(queues).peek_all(look);
  std::get<caf::scheduled_actor::urgent_queue_index>(queues).peek_all(look);
}

} // namespace tk::sim
