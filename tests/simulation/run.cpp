#include "tests/simulation/run.hpp"

#include "tests/simulation/crowd.hpp"
#include "tests/simulation/oracle.hpp"
#include "tests/simulation/world.hpp"

namespace tk::sim {

namespace {

/// Rows of the hall, as a migration and an operator would have written them.
void build_hall(const sale_plan& plan, ledger_model& model) {
  auto& rows = model.rows;
  event_row event;
  event.id = sale_event;
  event.known = true;
  event.sale_start = model.now() - millis{3'600'000};
  event.sale_end = instant::max();
  event.event_date = model.now() + millis{30LL * 86'400'000};
  for (int32_t b = 0; b < plan.blocks; ++b) {
    event.blocks.push_back(b);
    for (int32_t n = 1; n <= plan.seats_per_block; ++n) {
      auto& seat = rows.seats[seat_of(b, n)];
      seat.event = sale_event;
      seat.block_no = b;
      seat.price = won{50'000 + 1000 * b};
    }
  }
  for (size_t n = 0; n < plan.standing.size(); ++n) {
    auto no = static_cast<int32_t>(n);
    auto& type = rows.types[type_of(no)];
    type.event = sale_event;
    type.available = type.total = plan.standing[n];
    type.block_no = first_quota_block + no;
    type.price = won{30'000};
    event.blocks.push_back(type.block_no);
  }
  rows.events[sale_event] = event;
  for (int32_t n = 0; n < plan.people; ++n) rows.users[user_of(n)] = instant{};
}

/// As long as a payment may stay undecided (15 minutes), and everything that follows from it.
constexpr millis healing{1'200'000};

} // namespace

run_result run_seed(uint64_t seed, const sale_plan& plan) {
  auto mix = plan.faults ? fault_mix::draw(seed) : fault_mix{};
  world w{seed, plan, mix};
  build_hall(plan, w.db.model);
  oracle judge{w.time, w.db.model, w.money.core, sale_settings{}.holds_per_user_event_max};
  w.db.listener = &judge;
  w.watch = [&] { return judge.wrong(); };
  crowd people{w, judge};
  people.start();
  run_result out;
  auto start = w.time.now();
  out.wrong = w.run_until(start + plan.length);
  people.close();
  w.heal();
  if (out.wrong.empty()) out.wrong = w.run_until(start + plan.length + healing);
  if (out.wrong.empty() && people.waiting() != 0)
    out.wrong = "I16: " + std::to_string(people.waiting()) + " requests were never answered";
  if (out.wrong.empty()) {
    judge.check_rest();
    out.wrong = judge.wrong();
  }
  out.digest = w.digest();
  out.steps = w.steps();
  out.commits = judge.commits();
  out.visits = people.visits();
  out.kills = w.kills();
  out.pauses = w.pauses();
  out.takeovers = w.db.takeovers();
  out.dropped = w.net.dropped();
  out.lost = w.db.lost();
  out.faults = mix.names();
  out.story = w.story();
  out.answers = judge.answers();
  w.watch = nullptr;
  w.db.listener = nullptr;
  return out;
}

} // namespace tk::sim
