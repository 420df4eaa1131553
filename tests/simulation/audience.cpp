#include "tests/simulation/audience.hpp"

#include <algorithm>

#include "actors/session/port.hpp"
#include "tests/simulation/hall.hpp"
#include "tests/simulation/told.hpp"

namespace tk::sim {

namespace {

constexpr millis budget{8'000};
constexpr size_t choices_max = 30; ///< People look at the best places only.

/// Nobody knows what became of it, or certainly nothing: asked again with the same key.
bool indefinite(ec x) {
  return x == ec::unknown || x == ec::in_flight || (retryable(x) && x != ec::seat_contested);
}

/// The newest board of a block that any node shows; null before anybody asked for it.
seat_board_ptr newest_seats(world& w, int32_t block) {
  seat_board_ptr out;
  for (int32_t n = 1; n <= w.plan.nodes; ++n) {
    auto at = w.find(n);
    auto x = at == nullptr ? nullptr : at->boards.find_seats(sale_event, block);
    if (x && (!out || std::pair{x->epoch, x->version} > std::pair{out->epoch, out->version}))
      out = x;
  }
  return out;
}

int32_t places_left(world& w, int32_t area, int32_t quota) {
  quota_board_ptr out;
  for (int32_t n = 1; n <= w.plan.nodes; ++n) {
    auto at = w.find(n);
    auto x = at == nullptr ? nullptr : at->boards.find_quota(type_of(area));
    if (x && (!out || std::pair{x->epoch, x->version} > std::pair{out->epoch, out->version}))
      out = x;
  }
  return out ? out->available : quota;
}

bool is_free(const seat_board_ptr& board, int32_t n) {
  if (!board) return true; // Nobody has asked for any of it.
  auto i = static_cast<size_t>(n - 1);
  return i < board->seat_count && ((board->bits[i / 4] >> (2 * (i % 4))) & 3) == 0;
}

} // namespace

audience::audience(world& where, const evening& plan, oracle& judge, instant opening)
    : world_(where), plan_(plan), oracle_(judge), dice_(where.seed, "audience") {
  guests_.reserve(static_cast<size_t>(plan.visitors));
  for (int32_t n = 0; n < plan.visitors; ++n) {
    auto g = std::make_shared<guest>();
    g->no = n;
    g->came = opening + arrival_time();
    g->patience_ends = g->came + dice_.between(plan.patience_min, plan.patience_max);
    auto shares = plan.parties;
    auto x = dice_.below(shares[0] + shares[1] + shares[2] + shares[3]);
    for (size_t i = 0; i < shares.size() && x >= shares[i]; ++i) {
      x -= shares[i];
      g->party = static_cast<int32_t>(i) + 2;
    }
    guests_.push_back(g);
  }
}

void audience::setup() { register_people(plan_.visitors, world_.db.model); }

void audience::start() {
  for (auto& g : guests_)
    world_.time.after(g->came - world_.time.now(), [this, g] {
      ++present_;
      look(g);
    });
}

std::string audience::check() {
  auto ended = [](auto& g) { return g->end.has_value(); };
  return std::ranges::all_of(guests_, ended) ? "" : "not every visitor came to an end";
}

millis audience::arrival_time() {
  uint64_t all = 0;
  for (auto& a : plan_.arrivals) all += a.share;
  auto x = dice_.below(all);
  millis from{0};
  for (auto& a : plan_.arrivals) {
    if (x < a.share) return dice_.between(from, a.until);
    x -= a.share;
    from = a.until;
  }
  return from;
}

void audience::later(millis low, millis high, std::function<void()> what) {
  world_.time.after(dice_.between(low, high), std::move(what));
}

void audience::leave(const guest_ptr& g, ending how) {
  if (g->end) return;
  g->end = how;
  g->left = world_.time.now();
  --present_;
}

void audience::note(int32_t node, ec is) {
  ++figures_.requests;
  ++figures_.requests_of_node[node];
  if (is != ec::unknown && indefinite(is)) figures_.turned_away.push_back(world_.time.now());
  if (is != ec::unknown) return;
  ++figures_.unanswered;
  figures_.lost.push_back(world_.time.now());
}

// -- choosing -------------------------------------------------------------------------------------

void audience::look(const guest_ptr& g) {
  if (g->end) return;
  auto items = choose(g->party);
  bool over = world_.time.now() >= g->patience_ends;
  if (items.empty()) {
    if (over) return leave(g, ending::nothing_left);
    return later(millis{5'000}, millis{15'000}, [this, g] { look(g); }); // Something may come back.
  }
  if (over) return leave(g, ending::outrun);
  g->wish = {};
  g->wish.event = sale_event;
  g->wish.items = std::move(items);
  g->wish.key = "guest-" + std::to_string(g->no) + "-" + std::to_string(++g->keys);
  g->wish.digest = g->wish.key;
  g->wish.token_issued_at = g->came;
  bool twice = dice_.chance(plan_.double_clicks * 10'000);
  later(plan_.clicks_min, plan_.clicks_max, [=, this] {
    g->wished = world_.time.now();
    for (auto& x : g->wish.items) ++figures_.wishes_of_block[x.block_no];
    wish_for(g, true);
    if (twice) wish_for(g, false);
  });
}

/// By what people like; where there is nothing for the party, somewhere else.
std::vector<wanted_item> audience::choose(int32_t party) {
  std::vector<size_t> left(plan_.sections.size());
  for (size_t i = 0; i < left.size(); ++i) left[i] = i;
  while (!left.empty()) {
    uint64_t all = 0;
    for (auto i : left) all += plan_.sections[i].wanted;
    auto x = dice_.below(all);
    size_t pick = 0;
    while (x >= plan_.sections[left[pick]].wanted) x -= plan_.sections[left[pick++]].wanted;
    auto items = in_section(left[pick], party);
    if (!items.empty()) return items;
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(pick));
  }
  return {};
}

std::vector<wanted_item> audience::in_section(size_t which, int32_t party) {
  int32_t block = 0, area = 0;
  for (size_t i = 0; i < which; ++i) {
    block += plan_.sections[i].blocks;
    area += plan_.sections[i].quota > 0 ? 1 : 0;
  }
  auto& s = plan_.sections[which];
  if (s.quota == 0) return seats_in(block, s, party);
  if (places_left(world_, area, s.quota) < party) return {};
  return {{{}, first_quota_block + area, type_of(area), party}};
}

/// Neighbours in a row, the front rows first; without any, single seats wherever they are.
std::vector<wanted_item> audience::seats_in(int32_t first, const section& where, int32_t party) {
  std::vector<seat_board_ptr> boards;
  boards.reserve(static_cast<size_t>(where.blocks));
  for (int32_t b = 0; b < where.blocks; ++b) boards.push_back(newest_seats(world_, first + b));
  std::vector<std::pair<int32_t, int32_t>> together; // Block and first seat.
  std::vector<wanted_item> alone;
  for (int32_t row = 0; row < where.seats_per_block; row += plan_.seats_per_row) {
    auto end = std::min(row + plan_.seats_per_row, where.seats_per_block);
    for (int32_t b = 0; b < where.blocks; ++b) {
      int32_t run = 0;
      for (int32_t n = row + 1; n <= end && together.size() < choices_max; ++n) {
        bool open = is_free(boards[static_cast<size_t>(b)], n);
        run = open ? run + 1 : 0;
        if (open && std::ssize(alone) < party) alone.push_back({seat_of(first + b, n), first + b});
        if (run < party) continue;
        together.emplace_back(first + b, n - party + 1);
        run = 0;
      }
    }
  }
  if (together.empty()) {
    if (std::ssize(alone) < party) alone.clear();
    std::ranges::sort(alone);
    return alone;
  }
  auto [block, seat] = together[dice_.zipf(together.size())];
  std::vector<wanted_item> out;
  out.reserve(static_cast<size_t>(party));
  for (int32_t i = 0; i < party; ++i) out.push_back({seat_of(block, seat + i), block});
  return out;
}

// -- holding --------------------------------------------------------------------------------------

void audience::wish_for(const guest_ptr& g, bool last_word) {
  auto node = world_.living_node();
  auto asked = world_.time.now();
  auto wish = g->wish;
  oracle_.asked(user_of(g->no), wish.digest, wish.items);
  world_.ask_at<session_actor>(
    node, key_of(user_of(g->no)), wish, budget, [=, this](const answer<hold_reply>& x) {
      note(node, x.is());
      oracle_.heard(told_of(user_of(g->no), wish, asked, world_.time.now(), x));
      if (last_word && !g->end) on_hold(g, x);
    });
}

void audience::on_hold(const guest_ptr& g, const answer<hold_reply>& x) {
  auto now = world_.time.now();
  if (x.is() != ec::ok) {
    ++figures_.refusals[std::string{to_string(x.is())}];
    ++g->refusals;
  }
  if (indefinite(x.is())) {
    if (now < g->patience_ends)
      return later(millis{500}, millis{3'000}, [this, g] { wish_for(g, true); });
    figures_.wishes.push_back({g->wished, now - g->wished});
    return leave(g, ending::unanswered);
  }
  figures_.wishes.push_back({g->wished, now - g->wished});
  bool pending = x.value.status == static_cast<uint8_t>(reservation_status::pending);
  if (x.is() == ec::ok && pending) {
    g->id = x.value.id;
    g->price = x.value.total;
    g->hold_ends = x.value.expires_at;
    if (!g->held) g->held = now;
    return go_on(g);
  }
  for (auto& item : g->wish.items) ++figures_.refusals_of_block[item.block_no];
  later(millis{200}, millis{2'000}, [this, g] { look(g); });
}

void audience::go_on(const guest_ptr& g) {
  auto x = dice_.below(100);
  if (x < plan_.abandons) return leave(g, ending::abandoned);
  if (x < plan_.abandons + plan_.cancels)
    return later(plan_.thinks_min, plan_.thinks_max, [this, g] { cancel(g); });
  later(plan_.thinks_min, plan_.thinks_max, [this, g] { prepare(g); });
}

void audience::cancel(const guest_ptr& g) {
  auto node = world_.living_node();
  auto asked = world_.time.now();
  cancel_reservation what{g->id, g->came, {}};
  world_.ask_at<session_actor>(node, key_of(user_of(g->no)), what, budget,
                               [=, this](const answer<release_reply>& x) {
                                 note(node, x.is());
                                 oracle_.heard_cancel({g->id, x.is(), asked, world_.time.now()});
                                 leave(g, ending::changed_mind);
                               });
}

// -- paying ---------------------------------------------------------------------------------------

told_wish_to_pay audience::wish_to_pay(const guest_ptr& g, const std::string& provider_key) {
  auto now = world_.time.now();
  told_wish_to_pay out{user_of(g->no), g->id, provider_key, {}, g->price, now, now};
  oracle_.asked_to_pay(out);
  return out;
}

void audience::hear(told_wish_to_pay x, ec is) {
  x.answered = world_.time.now();
  x.is = is;
  oracle_.heard_wish_to_pay(x);
}

void audience::prepare(const guest_ptr& g) {
  auto node = world_.living_node();
  prepare_payment what{user_of(g->no), g->price, {}};
  auto told = wish_to_pay(g, "");
  world_.ask_at<checkout_actor>(
    node, key_of(g->id), what, budget, [=, this](const answer<payment_reply>& x) {
      note(node, x.is());
      hear(told, x.is());
      if (indefinite(x.is()) && world_.time.now() < g->hold_ends)
        return later(millis{1'000}, millis{3'000}, [this, g] { prepare(g); });
      if (x.is() != ec::ok)
        return leave(g, x.is() == ec::payment_attempts ? ending::payment_failed : ending::too_late);
      g->order = x.value.order_id;
      auto refused = dice_.chance(plan_.declined * 10'000);
      g->payment_key = (refused ? "fail-" : "pay-") + std::to_string(g->no) + "-" +
                       std::to_string(++g->tries_to_pay);
      later(plan_.pays_min, plan_.pays_max, [this, g] {
        g->wished = world_.time.now();
        confirm(g);
      });
    });
}

void audience::confirm(const guest_ptr& g) {
  auto node = world_.living_node();
  auto asked = world_.time.now();
  confirm_payment what{user_of(g->no), g->order, g->payment_key, g->price, millis{10'000}, {}};
  auto told = wish_to_pay(g, g->payment_key);
  world_.ask_at<checkout_actor>(
    node, key_of(g->id), what, millis{12'000}, [=, this](const answer<payment_reply>& x) {
      note(node, x.is());
      hear(told, x.is());
      oracle_.heard_payment(
        {{g->id, x.is(), asked, world_.time.now()}, user_of(g->no), {}, x.value.payment});
      on_paid(g, x);
    });
}

void audience::on_paid(const guest_ptr& g, const answer<payment_reply>& x) {
  auto is = x.is();
  if (indefinite(is) || is == ec::payment_pending || is == ec::provider_away) {
    if (++g->asked_again > 60) return leave(g, ending::undecided);
    return later(millis{2'000}, millis{4'000}, [this, g] { confirm(g); });
  }
  auto now = world_.time.now();
  figures_.payments.push_back({g->wished, now - g->wished});
  if (is == ec::ok || is == ec::already_paid) {
    g->paid = now;
    return leave(g, ending::bought);
  }
  if (is != ec::payment_declined) {
    auto tried = is == ec::payment_attempts;
    return leave(g, tried ? ending::payment_failed : ending::too_late);
  }
  if (g->tries_to_pay >= 3) return leave(g, ending::payment_failed);
  later(millis{5'000}, millis{15'000}, [this, g] { prepare(g); });
}

} // namespace tk::sim
