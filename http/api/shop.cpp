#include "http/api/shop.hpp"

#include <malloc.h>

#include <array>

#include <caf/all.hpp>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <sodium.h>

#include "actors/event/port.hpp"
#include "actors/seat_block/port.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

namespace tk::http {

namespace {

constexpr millis plan_budget{3000};
constexpr millis boards_patience{2000};

/// The load of a plan, for all who wait for it. They hear exactly once: when it is finished, or,
/// should its actor end in between, when the last handler forgets it.
class plan_load {
public:
  plan_load(shop& s, event_id event) : shop_(s), event_(event), begun_(s.node.clock->now()) {
    // nop
  }
  plan_load(const plan_load&) = delete;
  plan_load& operator=(const plan_load&) = delete;
  ~plan_load() { finish(nullptr, ec::internal, nullptr); }

  void finish(caf::event_based_actor* self, ec is, const seat_plan_ptr& plan) {
    if (std::exchange(finished_, true)) return;
    if (is == ec::ok) keep(plan);
    std::vector<shop::plan_done> waiting;
    {
      std::unique_lock guard{shop_.plans_mutex};
      auto i = shop_.plans_waiting.find(event_);
      if (i == shop_.plans_waiting.end()) return;
      waiting = std::move(i->second);
      shop_.plans_waiting.erase(i);
    }
    for (auto& done : waiting) done(self, is, plan);
  }

private:
  void keep(const seat_plan_ptr& plan) {
    constexpr size_t large = 10'000;
    shop_.maps.put(event_, plan, begun_);
    if (plan->size() >= large) malloc_trim(0); // Its rows took several times what the plan keeps.
  }

  shop& shop_;
  event_id event_;
  instant begun_;
  bool finished_ = false;
};
using plan_load_ptr = std::shared_ptr<plan_load>;

/// Boards of blocks at other nodes come a moment after those blocks have answered; until then their
/// seats would be shown as held.
void finish_when_shown(shop& s, caf::event_based_actor* self, const seat_plan_ptr& plan,
                       const plan_load_ptr& load, instant until) {
  constexpr millis pause{10};
  bool shown = plan->shown_by(*s.node.boards) || s.node.clock->now() >= until;
  if (shown) return load->finish(self, ec::ok, plan);
  ingress_pool::later(self, pause, [&s, plan, load, until](caf::event_based_actor* me) {
    finish_when_shown(s, me, plan, load, until);
  });
}

/// Every block publishes its board when it wakes; the map needs them all.
void wake_blocks(shop& s, caf::event_based_actor* self, event_id event, const seat_plan_ptr& plan,
                 const plan_load_ptr& load) {
  auto blocks = plan->blocks();
  if (blocks.empty()) return load->finish(self, ec::ok, plan);
  struct progress {
    size_t open;
    ec is = ec::ok;
  };
  auto left = std::make_shared<progress>(progress{blocks.size()});
  auto until = s.node.clock->now() + boards_patience;
  auto one = [&s, self, left, plan, load, until](ec is) {
    if (is != ec::ok) left->is = is;
    if (--left->open > 0) return;
    if (left->is != ec::ok) load->finish(self, left->is, plan);
    else finish_when_shown(s, self, plan, load, until);
  };
  for (auto block_no : blocks)
    ask<seat_block_actor>(self, s.node, key_of(event, block_no), plan_budget, wake_block{})
      .then([one](const block_awake&) { one(ec::ok); },
            [one](const caf::error&) { one(ec::unavailable); });
}

void load_plan_of(shop& s, caf::event_based_actor* self, event_id event) {
  auto load = std::make_shared<plan_load>(s, event);
  auto failed = [self, load](const caf::error&) { load->finish(self, ec::unavailable, nullptr); };
  self->request(s.node.reads, plan_budget, load_plan{event})
    .then(
      [&s, self, event, load, failed](const plan_rows& rows) {
        if (!rows.event_known) return load->finish(self, ec::event_unknown, nullptr);
        auto plan = std::make_shared<const seat_plan>(rows);
        ask<event_actor>(self, s.node, key_of(event), plan_budget, describe_event{})
          .then(
            [&s, self, event, plan, load](const event_board& x) {
              s.node.boards->hear(std::make_shared<const event_board>(x));
              wake_blocks(s, self, event, plan, load);
            },
            failed);
      },
      [failed](caf::error& e) { failed(e); });
}

} // namespace

seat_plan_ptr shop::current_plan(event_id event) const {
  auto board = node.boards->find_event(event);
  bool current = board && board->owner == node.participant_of(key_of(event));
  return current ? maps.plan(event) : nullptr;
}

void shop::with_plan(event_id event, plan_done done) {
  if (auto plan = current_plan(event)) {
    pool.run(
      [done = std::move(done), plan](caf::event_based_actor* self) { done(self, ec::ok, plan); });
    return;
  }
  load_plan_for(event, std::move(done));
}

namespace {

/// Says `known` where there is no answer.
shop::plan_done or_as_it_was(shop::plan_done done, seat_plan_ptr known) {
  return [done = std::move(done), known = std::move(known)](caf::event_based_actor* self, ec is,
                                                            const seat_plan_ptr& plan) {
    if (!known || is == ec::ok || is == ec::event_unknown) done(self, is, plan);
    else done(self, ec::ok, known);
  };
}

} // namespace

void shop::with_plan_to_show(event_id event, plan_done done) {
  with_plan(event, or_as_it_was(std::move(done), maps.plan(event)));
}

void shop::with_recent_plan(event_id event, plan_done done) {
  auto known = current_plan(event);
  if (!known || maps.read_since(event, node.clock->now() - plan_age_max))
    return with_plan(event, std::move(done));
  load_plan_for(event, or_as_it_was(std::move(done), known));
}

void shop::renew_plan(event_id event) {
  if (maps.read_since(event, node.clock->now() - plan_age_max)) return;
  {
    std::unique_lock guard{plans_mutex};
    if (plans_waiting.contains(event)) return;
  }
  with_recent_plan(event, [](caf::event_based_actor*, ec, const seat_plan_ptr&) {
    // nop
  });
}

/// Loads it once for all who ask meanwhile.
void shop::load_plan_for(event_id event, plan_done done) {
  {
    std::unique_lock guard{plans_mutex};
    auto& waiting = plans_waiting[event];
    waiting.push_back(std::move(done));
    if (waiting.size() > 1) return;
  }
  pool.run([this, event](caf::event_based_actor* self) { load_plan_of(*this, self, event); });
}

millis time_for(const exchange& x) {
  constexpr millis way_back{100};
  auto left = x.answered() ? millis{0} : x.time_left() - way_back;
  return std::clamp(left, millis{0}, session_budget);
}

request_id request_of(const exchange& x) {
  auto& text = x.req().request_id;
  if (auto id = parse_id<request_id>(text); id && !id->nil()) return *id;
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(text.data()),
                     text.size());
  request_id out;
  for (size_t i = 0; i < 8; ++i) out.hi = (out.hi << 8) | digest[i];
  for (size_t i = 8; i < 16; ++i) out.lo = (out.lo << 8) | digest[i];
  return out;
}

bool refuse_revoked(const exchange_ptr& x, const token_standing& tokens) {
  if (tokens.user_known && from_ms(x->who()->issued_at_ms) > tokens.revoked_before) return false;
  x->fail(ec::not_authenticated);
  return true;
}

void add_shop_metrics(metrics& meters, const shop& s) {
  auto add = [&](const char* cache, const char* result, const std::atomic<uint64_t>& x) {
    auto read = [&x] { return static_cast<double>(x.load()); };
    std::map<std::string, std::string> with{{"cache", cache}, {"result", result}};
    meters.add_gauge("cache_requests_total", "Requests for what is served from memory.", read,
                     with);
  };
  auto add_all = [&](const char* cache, const cache_probe& x) {
    add(cache, "hit", x.hits);
    add(cache, "miss", x.misses);
    add(cache, "stale", x.stale);
  };
  add_all("catalogue", s.cache.probe());
  add_all("seats", s.maps.probe());
  meters.add_gauge("reservation_searches_total", "Lists of reservations asked for.",
                   [&s] { return static_cast<double>(s.reservation_searches.load()); });
  // G36: windows are local at twice the limit while the shared store is away.
  meters.add_gauge("rate_limiter_degraded", "1: the limiter's shared store is away.",
                   [] { return 0; });
  meters.add_gauge("business_queue_early_polls_total", "Polls that came before their nextPoll.",
                   [&s] { return static_cast<double>(s.queue.front.early_polls().load()); });
  auto add_callbacks = [&](const char* result, const std::atomic<uint64_t>& x) {
    meters.add_gauge("payment_callbacks_total", "Callbacks of payment providers.",
                     [&x] { return static_cast<double>(x.load()); }, {{"result", result}});
  };
  add_callbacks("taken", s.callbacks_taken);
  add_callbacks("refused", s.callbacks_refused);
  meters.add_gauge("event_reads_total", "Reads of one event.",
                   [&s] { return static_cast<double>(s.event_reads.load()); });
}

prometheus::Histogram& creation_times(metrics& meters) {
  auto& family = prometheus::BuildHistogram()
                   .Name("business_reservation_create_duration_seconds")
                   .Help("From the request to the durable reservation.")
                   .Register(meters.registry());
  return family.Add({}, prometheus::Histogram::BucketBoundaries{0.001, 0.0025, 0.005, 0.01, 0.025,
                                                                0.05, 0.1, 0.25, 0.5, 1, 2.5, 5});
}

std::optional<principal> token_authenticator::authenticate(std::string_view jwt,
                                                           instant now) const {
  auto claims = tokens_.verify_access(jwt, now);
  if (!claims || revoked_.refuses(claims->user, claims->issued_at)) return std::nullopt;
  principal out;
  out.user = claims->user;
  out.email = std::move(claims->email);
  out.role = claims->role == user_role::admin ? "admin" : "user";
  out.issued_at_ms = to_ms(claims->issued_at);
  out.expires_at_ms = to_ms(claims->expires_at);
  out.session = claims->family;
  out.password_due = claims->password_due;
  return out;
}

std::vector<route> shop_routes(shop& s) {
  std::vector<route> out;
  add_auth_routes(s, out);
  add_account_routes(s, out);
  add_catalogue_routes(s, out);
  add_artist_routes(s, out);
  add_seat_routes(s, out);
  add_reservation_routes(s, out);
  add_standing_routes(s, out);
  add_ticket_routes(s, out);
  add_payment_routes(s, out);
  add_webhook_routes(s, out);
  add_queue_routes(s, out);
  add_queue_admin_routes(s, out);
  add_gate_routes(s, out);
  add_gate_admin_routes(s, out);
  add_fairness_routes(s, out);
  add_cancellation_routes(s, out);
  add_system_routes(s, out);
  return out;
}

} // namespace tk::http
