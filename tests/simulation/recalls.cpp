#include "node/recalls.hpp"

#include <map>
#include <memory>

#include "actors/session/port.hpp"
#include "tests/simulation/crowd.hpp"
#include "tests/simulation/workloads.hpp"

namespace tk::sim {

namespace {

constexpr millis answered_within{10'000};

bool is_over(reservation_status x) {
  return x == reservation_status::cancelled || x == reservation_status::expired;
}

/// What the database has of a cancelled event, and what the store's statements make of it.
struct recall_list {
  explicit recall_list(world& x) : where(x) {
    // nop
  }
  world& where;
  bool cancelled = false, filled = false, ended = false;
  std::map<reservation_id, bool> rows; ///< With whether its end was seen.

  /// Once is enough: nothing is added to a cancelled event.
  void fill() {
    filled = true;
    for (auto& [id, x] : where.db.model.rows.reservations)
      if (!is_over(x.row.status)) rows.emplace(id, false);
  }
  [[nodiscard]] bool is_of(int32_t node, const model_reservation& x) const {
    return where.db.owners().at(x.shard) == node;
  }
  void look_for_ends(int32_t node) {
    ended = true;
    for (auto& [id, done] : rows) {
      auto& x = where.db.model.rows.reservations.at(id);
      done = done || (is_of(node, x) && is_over(x.row.status));
      ended = ended && done;
    }
  }
  recalls find(const find_recalls& x) {
    recalls out;
    out.some = cancelled && !ended;
    if (!out.some) return out;
    if (!filled) fill();
    auto node = node_of(x.node);
    look_for_ends(node);
    auto& all = where.db.model.rows;
    for (auto& [id, y] : all.refunds) {
      if (y.done || !rows.contains(y.reservation)) continue;
      if (!is_of(node, all.reservations.at(y.reservation))) continue;
      out.fresh += y.tries == 0 ? 1 : 0;
      out.open += y.tries < 5 ? 1 : 0;
    }
    for (auto i = rows.upper_bound(x.after); i != rows.end(); ++i) {
      auto& y = all.reservations.at(i->first);
      if (i->second || is_over(y.row.status) || !is_of(node, y)) continue;
      if (std::ssize(out.rows) == x.limit) break;
      bool paid = y.row.status == reservation_status::confirmed;
      out.rows.push_back({sale_event, i->first, y.row.lead_block, paid, "no power"});
    }
    return out;
  }
};
using recall_list_ptr = std::shared_ptr<recall_list>;

/// The one question that recalls ask of a store.
caf::behavior store(caf::event_based_actor* self, recall_list_ptr rows, life who) {
  return {
    [](const errand& x) { x.run(); },
    [=](const find_recalls& x) -> caf::result<recalls> {
      auto reply = self->make_response_promise<recalls>();
      auto handle = caf::actor_cast<caf::actor>(self);
      auto found = std::make_shared<recalls>();
      rows->where.db.work(
        who, [=] { *found = rows->find(x); },
        [=](bool heard) {
          caf::anon_send(handle, errand{[=]() mutable {
                           if (!reply.pending()) return;
                           if (heard) reply.deliver(*found);
                           else reply.deliver(make_error(ec::unavailable));
                         }});
        });
      return reply;
    },
  };
}

/// In the middle of the sale its organiser cancels the event, and nodes die soon after: nothing of
/// it is sold any more, no hold survives, and everybody gets back what they have paid, once.
class recalling final : public workload {
public:
  explicit recalling(const scene& in)
      : world_(in.where),
        oracle_(in.judge),
        dice_(in.where.seed, "recalls"),
        list_(std::make_shared<recall_list>(in.where)) {
    // nop
  }

  void setup() override {
    world_.on_boot = [this](host& at) { attend(at); };
    for (int32_t n = 1; n <= world_.plan.nodes; ++n)
      if (auto at = world_.find(n); at != nullptr) attend(*at);
  }

  void start() override {
    auto length = world_.plan.length;
    world_.time.after(dice_.between(length / 5, length * 4 / 5), [this] { cancel(); });
  }

  std::string check() override {
    for (auto& [seat, row] : world_.db.model.rows.seats)
      if (row.status == 'a') ask_for({seat, row.block_no});
    if (auto wrong = world_.run_until(world_.time.now() + answered_within); !wrong.empty())
      return wrong;
    if (waiting_ > 0) return "I16: somebody who wants to buy of a cancelled event hears nothing";
    return list_->ended ? had_ : "L3: the cancellation of an event never ended";
  }

private:
  /// As the node's own start does it.
  void attend(host& at) {
    auto probe = std::make_shared<recall_probe>();
    at.belongings.push_back(probe);
    caf::actor rows;
    world_.start_part(at, [&] { return rows = world_.system.spawn(store, list_, at.who); });
    recall_settings how;
    how.at_once = 2; // So that nodes die in the middle of it.
    how.page = 3;
    auto calls = [&at] { return at.bank_probe.calls_open.load(); };
    world_.start_part(at, [&] {
      return spawn_recalls(at.node, caf::actor_cast<store_actor>(rows), id_of_node(at.who.node),
                           how, *probe, calls);
    });
  }

  void cancel() {
    auto& event = world_.db.model.rows.events.at(sale_event);
    event.cancelled = true;
    ++event.terms_version;
    list_->cancelled = true;
    oracle_.event_cancelled();
    world_.tell("the event is cancelled");
    if (dice_.chance(700'000)) list_->fill(); // Else whoever looks next does it.
    for (int i = 0; i < 2; ++i)
      world_.time.after(dice_.between(millis{0}, millis{8'000}), [this] { let_die(); });
  }

  void let_die() {
    auto no = world_.any_node(dice_);
    bool drawn = dice_.chance(600'000);
    if (world_.plan.faults && world_.happens("crash-at-recall", drawn)) world_.kill(no);
  }

  void ask_for(const wanted_item& item) {
    auto user = user_of(world_.plan.people + come_++);
    world_.db.model.rows.users[user] = instant{};
    reserve_items wish;
    wish.event = sale_event;
    wish.items = {item};
    wish.digest = digest_of(wish.items);
    wish.token_issued_at = world_.time.now();
    oracle_.asked(user, wish.digest, wish.items);
    ++waiting_;
    world_.ask_at<session_actor>(
      world_.any_node(dice_), key_of(user), wish, patience, [this](const answer<hold_reply>& x) {
        --waiting_;
        if (x.is() != ec::sale_closed && had_.empty())
          had_ = "I9: of a cancelled event somebody wanted to buy, and heard " +
                 std::string{to_string(x.is())};
      });
  }

  world& world_;
  oracle& oracle_;
  dice dice_;
  recall_list_ptr list_;
  int32_t come_ = 0;
  int64_t waiting_ = 0;
  std::string had_;
};

} // namespace

workload_ptr make_recalls(const scene& in) { return std::make_unique<recalling>(in); }

} // namespace tk::sim
