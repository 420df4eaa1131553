#include "persistence/ledger/messages.hpp"

namespace tk {

std::string_view to_string(outcome x) {
  switch (x) {
  case outcome::ok: return "ok";
  case outcome::replayed: return "replayed";
  case outcome::conflict: return "conflict";
  case outcome::in_flight: return "in_flight";
  case outcome::fenced: return "fenced";
  case outcome::late: return "late";
  case outcome::closed: return "closed";
  case outcome::moved: return "moved";
  case outcome::sold_out: return "sold_out";
  case outcome::done: return "done";
  case outcome::not_pending: return "not_pending";
  case outcome::pinned: return "pinned";
  case outcome::early: return "early";
  case outcome::partial: return "partial";
  case outcome::paid: return "paid";
  case outcome::attempts: return "attempts";
  case outcome::expired: return "expired";
  case outcome::no_order: return "no_order";
  case outcome::amount: return "amount";
  case outcome::key_used: return "key_used";
  case outcome::not_pinned: return "not_pinned";
  case outcome::lost: return "lost";
  case outcome::reused: return "reused";
  case outcome::number_used: return "number_used";
  case outcome::used: return "used";
  case outcome::voided: return "voided";
  case outcome::no_ticket: return "no_ticket";
  case outcome::revoked: return "revoked";
  case outcome::over_limit: return "over_limit";
  case outcome::busy: return "busy";
  case outcome::unavailable: return "unavailable";
  case outcome::broken: return "broken";
  case outcome::unknown: break;
  }
  return "unknown";
}

std::string_view to_string(batch_status x) {
  switch (x) {
  case batch_status::committed: return "committed";
  case batch_status::torn: return "torn";
  case batch_status::contended: return "contended";
  case batch_status::read_only: return "read_only";
  case batch_status::not_connected: return "not_connected";
  case batch_status::lost: break;
  }
  return "lost";
}

} // namespace tk
