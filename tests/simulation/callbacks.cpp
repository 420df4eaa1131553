#include <array>

#include <sodium.h>

#include "actors/checkout/port.hpp"
#include "http/api/callback_signature.hpp"
#include "http/api/callbacks.hpp"
#include "tests/simulation/crowd.hpp"
#include "tests/simulation/workloads.hpp"

namespace tk::sim {

namespace {

constexpr const char* provider_key = "the provider's and the shop's";
constexpr millis provider_patience{10'000};
constexpr millis longest_pause{30'000};

/// As the provider signs, with code of its own.
std::string sign(const std::string& key, const std::string& body, const std::string& sent_at) {
  auto text = body + ":" + sent_at;
  std::array<unsigned char, crypto_auth_hmacsha256_BYTES> mac{};
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, reinterpret_cast<const unsigned char*>(key.data()),
                              key.size());
  crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(text.data()),
                                text.size());
  crypto_auth_hmacsha256_final(&state, mac.data());
  std::array<char, 64> out{};
  sodium_bin2base64(out.data(), out.size(), mac.data(), mac.size(), sodium_base64_VARIANT_ORIGINAL);
  return "v1:" + std::string{out.data()};
}

/// One callback, with as many calls as it takes until it is heard.
struct callback {
  std::string order_id;
  int32_t tries = 0;
  bool over = false;
};
using callback_ptr = std::shared_ptr<callback>;

/// The provider calls back whenever something has become of an order: once or twice, at once or
/// behind later ones, until it is heard (F46). Others send callbacks that it has not sent. And some
/// buyers pay on its page and do not come back with it.
class callbacks final : public workload {
public:
  explicit callbacks(const scene& in)
      : world_(in.where),
        oracle_(in.judge),
        people_(in.people),
        dice_(in.where.seed, "callbacks"),
        page_dice_(in.where.seed, "pages") {
    // nop
  }

  void setup() override {
    world_.money.on_change = [this](const std::string& order) { on_change(order); };
    auto share = world_.plan.people_do.pays_on_page * 10'000;
    if (share > 0)
      people_.when_held([this, share](const visit_ptr& v) {
        if (!page_dice_.chance(share)) return;
        world_.time.after(page_dice_.between(millis{10}, millis{3000}), [=, this] { open(v); });
      });
  }
  void start() override { forge(); }
  void close() override { closed_ = true; }
  [[nodiscard]] int64_t waiting() const override { return waiting_; }
  std::string check() override { return wrong_; }

private:
  // -- what comes of itself -----------------------------------------------------------------------

  void on_change(const std::string& order) {
    auto& faults = world_.faults;
    begin(order, dice_.between(millis{10}, millis{2'000}));
    if (faults.strikes(&fault_mix::callback_twice_ppm, dice_))
      begin(order, dice_.between(millis{10}, millis{5'000}));
    if (faults.strikes(&fault_mix::callback_late_ppm, dice_))
      begin(order, dice_.between(millis{5'000}, millis{60'000}));
  }

  void begin(const std::string& order, millis soon) {
    ++waiting_;
    auto x = std::make_shared<callback>(callback{order});
    world_.time.after(soon, [=, this] { call(x); });
  }

  /// Longer and longer pauses, for as long as it takes.
  void again(const callback_ptr& x) {
    auto pause = std::min(longest_pause, millis{500} * (1 << std::min(x->tries, 6)));
    ++x->tries;
    world_.time.after(pause, [=, this] { call(x); });
  }

  void call(const callback_ptr& x) {
    auto sent_at = to_iso(world_.time.now());
    auto body = R"({"data":{"orderId":")" + x->order_id + R"("}})";
    auto no = world_.any_node(dice_);
    auto at = world_.find(no);
    if (at == nullptr) return again(x); // Refused by the machine.
    auto signature = sign(provider_key, body, sent_at);
    if (!http::is_signed(http::toss_callback{body, signature, sent_at}, provider_key,
                         at->clock.now())) {
      wrong_ = "S34: a callback of the provider was taken for a forged one";
      return again(x);
    }
    auto heard = std::make_shared<bool>(false); // Of this call; the others of it are its twins.
    auto end = [=, this](bool taken) {
      if (std::exchange(*heard, true)) return;
      if (!taken) return again(x);
      x->over = true;
      --waiting_;
    };
    world_.time.after(provider_patience, [=] { end(false); });
    look_for(x->order_id, at->who, end);
  }

  /// As the ingress does: the order is looked for in the rows, then the provider is asked.
  void look_for(const std::string& order, life who, const std::function<void(bool)>& end) {
    world_.db.read(who, [=, this](bool readable) {
      auto at = world_.find(who.node);
      if (!readable || at == nullptr || at->who != who) return end(false);
      auto& rows = world_.db.model.rows.payments;
      auto row = std::ranges::find(rows, order, [](auto& y) { return y.second.order_id; });
      if (row == rows.end()) return end(true); // Lost in a fail-over, or never ours.
      follow(*at, row->first, row->second, end);
    });
  }

  void follow(host& at, payment_id id, const model_payment& row,
              const std::function<void(bool)>& end) {
    auto what = called(id, row);
    auto asked = world_.time.now();
    oracle_.asked_to_pay({row.user,
                          row.reservation,
                          key_at_provider(row.order_id),
                          {},
                          row.amount,
                          asked,
                          asked,
                          ec::unknown});
    oracle_.called_back({row.reservation, ec::unknown, asked, asked});
    auto seen = look_at(world_.db.model, key_of(row.reservation), confirm_payment{});
    seen.operation = "call back";
    seen.by = "the provider";
    seen.what = row.order_id;
    auto open = world_.begin_request(seen, at.who.node);
    auto over = std::make_shared<bool>(false);
    auto ended = [=, node = at.who.node, where = &world_](ec is) { // The world outlives the piece.
      if (std::exchange(*over, true)) return;
      where->end_request(open, node, is);
      where->time.after(millis{0}, [=] { end(is == ec::ok); });
    };
    auto client = [=, node = &at.node](caf::event_based_actor* self, int) {
      http::follow_callback(self, *node, what, [=](http::callback_end is) {
        ended(is == http::callback_end::taken ? ec::ok : ec::unavailable);
      });
    };
    world_.start_part(at, [&] { return world_.system.spawn(client, 0); });
    at.give_ups.emplace_back([=] { ended(ec::unknown); });
  }

  [[nodiscard]] static http::called_payment called(payment_id id, const model_payment& row) {
    http::called_payment out;
    out.provider = "mock";
    out.row.id = id;
    out.row.order_id = row.order_id;
    out.row.status = row.status;
    out.row.type = "reservation";
    out.row.amount = row.amount;
    out.row.reservation = row.reservation;
    out.row.user = row.user;
    return out;
  }

  /// With which a callback may pay; empty when nothing was taken.
  [[nodiscard]] std::string key_at_provider(const std::string& order) const {
    return world_.money.core.paid_with(order);
  }

  // -- what others send ---------------------------------------------------------------------------

  void forge() {
    if (closed_) return;
    world_.time.after(tick_every, [this] { forge(); });
    if (world_.faults.callback_forged_ppm == 0) return;
    auto& orders = world_.db.model.rows.payments;
    auto no = world_.any_node(dice_);
    auto kind = dice_.below(4);
    auto index = dice_.below(std::max<size_t>(1, orders.size()));
    bool now = world_.faults.strikes(&fault_mix::callback_forged_ppm, dice_);
    auto at = world_.find(no);
    if (!now || orders.empty() || at == nullptr) return;
    auto order = std::next(orders.begin(), static_cast<std::ptrdiff_t>(index))->second.order_id;
    // Whoever knows the secret is believed as far as a callback is believed: it is a reminder.
    if (kind == 3) return begin(order, millis{1});
    if (is_believed(kind, order, at->clock.now())) wrong_ = "S34: a forged callback was believed";
  }

  /// Signed by somebody else, of another body, or copied and sent once more.
  [[nodiscard]] bool is_believed(uint64_t kind, const std::string& order, instant at_node) const {
    constexpr std::chrono::minutes old{6};
    auto body = R"({"data":{"orderId":")" + order + R"("}})";
    auto sent_at = to_iso(kind == 2 ? world_.time.now() - old : world_.time.now());
    auto signature =
      sign(kind == 0 ? "another key" : provider_key, kind == 1 ? body + " " : body, sent_at);
    return http::is_signed(http::toss_callback{body, signature, sent_at}, provider_key, at_node);
  }

  // -- who pays on the provider's page ------------------------------------------------------------

  /// The order is opened; then they pay, in time or not, and some come back with it, too.
  void open(const visit_ptr& v) {
    prepare_payment what{user_of(v->person), v->price, {}};
    auto told = wish_of(v, "");
    oracle_.asked_to_pay(told);
    people_.ask<checkout_actor>(world_.any_node(page_dice_), key_of(v->id), what, patience,
                                [=, this](const answer<payment_reply>& x) {
                                  hear(told, x.is());
                                  if (x.is() == ec::ok) pay(v, x.value.order_id);
                                });
  }

  void pay(const visit_ptr& v, const std::string& order) {
    auto key = "page-" + std::to_string(++pages_);
    auto late = millis{1300 * world_.plan.hold_s};
    auto soon = page_dice_.chance(600'000) ? millis{2'000} : late;
    bool comes_back = page_dice_.chance(400'000);
    auto back_after = page_dice_.between(millis{0}, millis{1'500});
    world_.time.after(page_dice_.between(millis{100}, soon), [=, this] {
      // Nobody has asked for it, and yet it may be why another card is refused.
      oracle_.asked_to_pay(wish_of(v, key));
      if (!world_.money.pay_on_page(order, key, v->price) || !comes_back) return;
      world_.time.after(back_after, [=, this] { come_back(v, order, key); });
    });
  }

  void come_back(const visit_ptr& v, const std::string& order, const std::string& key) {
    auto told = wish_of(v, key);
    oracle_.asked_to_pay(told);
    confirm_payment what{told.user, order, key, told.amount, millis{10'000}, {}};
    people_.ask<checkout_actor>(
      world_.any_node(page_dice_), key_of(v->id), what, millis{12'000},
      [=, this](const answer<payment_reply>& x) {
        hear(told, x.is());
        oracle_.heard_payment(
          {{v->id, x.is(), told.asked, world_.time.now()}, told.user, {}, x.value.payment});
      });
  }

  [[nodiscard]] told_wish_to_pay wish_of(const visit_ptr& v, const std::string& key) const {
    auto now = world_.time.now();
    return {user_of(v->person), v->id, key, {}, v->price, now, now, ec::unknown};
  }

  void hear(told_wish_to_pay x, ec is) {
    x.answered = world_.time.now();
    x.is = is;
    oracle_.heard_wish_to_pay(x);
  }

  world& world_;
  oracle& oracle_;
  crowd& people_;
  dice dice_, page_dice_;
  bool closed_ = false;
  int64_t waiting_ = 0;
  uint64_t pages_ = 0;
  std::string wrong_;
};

} // namespace

workload_ptr make_callbacks(const scene& in) { return std::make_unique<callbacks>(in); }

} // namespace tk::sim
