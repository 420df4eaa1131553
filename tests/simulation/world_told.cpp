#include "tests/simulation/world.hpp"

/// What a world writes down and counts.
namespace tk::sim {

void world::note(const std::string& from, const std::string& to, const std::string& what) {
  if (record != nullptr) record->note(to_ms(time.now()) - to_ms(start_), from, to, what);
}

namespace {

/// An answer that is not about what was asked. Who hears `busy` met somebody else at the same
/// thing, which happens without moves, too.
bool is_of_the_system(ec x) {
  switch (x) {
  case ec::in_flight:
  case ec::unknown:
  case ec::unavailable:
  case ec::late:
  case ec::fenced:
  case ec::moved:
  case ec::internal: return true;
  default: return false;
  }
}

} // namespace

world::open_request world::begin_request(asked_thing what, int32_t node) {
  if (what.operation == nullptr) return nullptr;
  note("people", "node " + std::to_string(node), what.by + ": " + what.operation + " " + what.what);
  auto struck = struck_ == nullptr ? fault_counts{} : *struck_;
  return std::make_shared<coverage::open_request>(
    coverage::open_request{std::move(what), std::move(struck)});
}

void world::end_request(const open_request& x, int32_t node, ec is) {
  if (!x) return;
  note("node " + std::to_string(node), "people",
       x->what.by + ": " + x->what.operation + ": " + std::string{to_string(is)});
  covered.end(*x, struck_ == nullptr ? x->struck : *struck_);
  if (moved_only_ && refused_.empty() && is_of_the_system(is))
    refused_ = "L9: nothing went wrong but that shards moved, and " + x->what.by +
               ", who wanted to " + x->what.operation + ", heard " + std::string{to_string(is)};
}

/// Lets the parts of the world say what passes through them.
void world::note_traffic() {
  net.on_frame = [this](int32_t from, int32_t to, const std::string& what) {
    note("node " + std::to_string(from), "node " + std::to_string(to), what);
  };
  db.on_batch = [this](int32_t node, bool answer, const std::string& what) {
    auto name = "node " + std::to_string(node);
    if (answer) note("database", name, what);
    else note(name, "database", what);
  };
  money.on_call = [this](const std::string& what) { note("bank", "", what); };
}

void world::count_probes() {
  auto count = [this](const host& x) {
    auto& p = x.node.probe;
    auto add = [this](const char* name, uint64_t n) { covered.count(name, n); };
    add("reservations_created", p.reservations_created);
    add("reservations_cancelled", p.reservations_cancelled);
    add("reservations_expired", p.reservations_expired);
    add("seat_conflicts", p.seat_conflicts);
    add("outcomes_unknown", p.outcomes_unknown);
    add("claims_reread", p.claims_reread);
    add("payments_declined", p.payments.declined);
    add("payments_voided", p.payments.voided);
    add("payments_untried", p.payments.untried);
    add("payments_late", p.payments.late);
    add("payments_unknown", p.payments_unknown);
    add("refunds_done", p.refunds_done);
    add("refunds_put_off", p.refunds_put_off);
    add("entity_restarts", p.entity_restarts);
    add("activations", p.activations);
    add("passivations", p.passivations);
    add("bank_calls_failed", x.bank_probe.calls_failed);
    add("bank_calls_not_permitted", x.bank_probe.calls_not_permitted);
  };
  covered.count("checkouts_compared", minds.checkouts_compared());
  covered.count("sessions_compared", minds.sessions_compared());
  // Whose answer was lost, at each step that the bank is asked for.
  for (auto* step : {"takes money for", "looks for", "voids", "gives back"})
    covered.count(std::string{"unheard: "} + step, money.lost_at[step]);
  if (told) told->count_probes();
  for (auto& [no, x] : hosts_) count(*x);
  for (auto& x : graves_) count(*x);
}

} // namespace tk::sim
