#include <map>
#include <utility>

#include "actors/session/port.hpp"
#include "tests/simulation/crowd.hpp"
#include "tests/simulation/workloads.hpp"

namespace tk::sim {

namespace {

constexpr int32_t party_max = 4;
constexpr millis answered_within{10'000};

/// What nobody holds can be had by whoever asks for it at the end (I3): somebody new for each party
/// of seats that nobody has, and for all that is left of a quota.
class latecomers final : public workload {
public:
  explicit latecomers(const scene& in) : world_(in.where), oracle_(in.judge) {
    // nop
  }

  std::string check() override {
    ask_for_what_is_left();
    if (auto wrong = world_.run_until(world_.time.now() + answered_within); !wrong.empty())
      return wrong;
    if (waiting_ > 0) return "I3: what nobody has cannot be had: no answer";
    return refused_;
  }

private:
  void ask_for_what_is_left() {
    std::map<int32_t, std::vector<wanted_item>> parties;
    for (auto& [seat, row] : world_.db.model.rows.seats) {
      if (row.status != 'a') continue;
      auto& party = parties[row.block_no];
      party.push_back({seat, row.block_no});
      if (std::ssize(party) == party_max) ask_for(std::exchange(party, {}));
    }
    for (auto& [block, party] : parties)
      if (!party.empty()) ask_for(party);
    for (auto& [type, row] : world_.db.model.rows.types)
      if (row.available > 0) ask_for({{{}, row.block_no, type, row.available}});
  }

  void ask_for(std::vector<wanted_item> items) {
    auto user = user_of(world_.plan.people + come_++);
    world_.db.model.rows.users[user] = instant{};
    reserve_items wish;
    wish.event = sale_event;
    wish.items = std::move(items);
    wish.digest = digest_of(wish.items);
    wish.token_issued_at = world_.time.now();
    oracle_.asked(user, wish.digest, wish.items);
    ++waiting_;
    world_.ask_at<session_actor>(
      world_.any_node(), key_of(user), wish, patience, [this](const answer<hold_reply>& x) {
        --waiting_;
        if (x.is() != ec::ok && refused_.empty())
          refused_ = "I3: what nobody has cannot be had: " + std::string{to_string(x.is())};
      });
  }

  world& world_;
  oracle& oracle_;
  int32_t come_ = 0;
  int64_t waiting_ = 0;
  std::string refused_;
};

} // namespace

workload_ptr make_latecomers(const scene& in) { return std::make_unique<latecomers>(in); }

} // namespace tk::sim
