#include <algorithm>

#include "actors/seat_block/state.hpp"
#include "supervisors/attempt_log.hpp"

/// What was tried and leaves no row behind: kept in memory, for operators who ask why.
namespace tk::seat_block {

namespace {

attempt start_of(const state& st, attempt_on what, reservation_id id, user_id user) {
  attempt out;
  out.first_at = st.now();
  out.what = what;
  out.reservation = id;
  out.user = user;
  out.block_no = st.core->block_no();
  return out;
}

void note_items(const state& st, attempt x, std::span<const held_item> items) {
  for (auto& item : items) {
    if (item.block_no != st.core->block_no()) continue;
    x.fence = item.fence;
    st.node->attempts->note(attempt_subject::of_item(item), x);
  }
}

bool same_item(const wanted_item& a, const wanted_item& b) {
  return a.seat == b.seat && a.type == b.type;
}

void note_refused(const state& st, attempt x, ec why, std::span<const wanted_item> wanted,
                  std::span<const wanted_item> refused) {
  x.why = to_string(why);
  for (auto& item : wanted) {
    if (item.block_no != st.core->block_no()) continue;
    x.of_others = !refused.empty() && std::ranges::none_of(refused, [&](const wanted_item& y) {
      return same_item(item, y);
    });
    st.node->attempts->note(attempt_subject::of_item(item), x);
  }
}

/// An op as people name it; nothing for those that a block never submits or that only read.
struct tried {
  attempt_on what;
  reservation_id id;
  user_id user;
  request_id request;
};
struct naming {
  std::optional<tried> operator()(const create_reservation& x) const {
    return tried{attempt_on::hold, x.id, x.user, x.request};
  }
  std::optional<tried> operator()(const release_reservation& x) const {
    return tried{attempt_on::release, x.id, x.actor, x.request};
  }
  std::optional<tried> operator()(const begin_attempt& x) const {
    return tried{attempt_on::payment, x.reservation, {}, {}};
  }
  std::optional<tried> operator()(const complete_payment& x) const {
    return tried{attempt_on::sale, x.reservation, {}, x.request};
  }
  std::optional<tried> operator()(const fail_attempt& x) const {
    return tried{attempt_on::payment_end, x.reservation, {}, {}};
  }
  std::optional<tried> operator()(const cancel_paid& x) const {
    return tried{attempt_on::cancellation, x.reservation, x.actor, x.request};
  }
  template <class Op> std::optional<tried> operator()(const Op&) const { return std::nullopt; }
};

bool was_done(outcome x) {
  return x == outcome::ok || x == outcome::done || x == outcome::replayed;
}

} // namespace

void note_claim(const state& st, const hold_items& wish, std::span<const held_item> items) {
  if (!st.node->attempts) return;
  auto x = start_of(st, attempt_on::claim, wish.id, wish.user);
  x.fate = attempt_fate::taken;
  x.request = wish.request;
  note_items(st, x, items);
}

void note_claim(const state& st, const claim_items& wish, std::span<const held_item> items) {
  if (!st.node->attempts) return;
  auto x = start_of(st, attempt_on::claim, wish.id, wish.user);
  x.fate = attempt_fate::taken;
  note_items(st, x, items);
}

void note_given_up(const state& st, reservation_id id) {
  if (!st.node->attempts) return;
  auto claim = st.core->find_claim(id);
  if (!claim) return;
  auto x = start_of(st, attempt_on::claim, id, {});
  x.fate = attempt_fate::given_up;
  note_items(st, x, claim->items);
}

void note_refusal(const state& st, const hold_items& wish, ec why,
                  std::span<const wanted_item> refused) {
  if (!st.node->attempts) return;
  auto x = start_of(st, attempt_on::hold, wish.id, wish.user);
  x.request = wish.request;
  note_refused(st, x, why, wish.items, refused);
}

void note_refusal(const state& st, const claim_items& wish, ec why,
                  std::span<const wanted_item> refused) {
  if (!st.node->attempts) return;
  note_refused(st, start_of(st, attempt_on::claim, wish.id, wish.user), why, wish.items, refused);
}

void note_refusal(const state& st, const release_hold& cmd, ec why) {
  if (!st.node->attempts) return;
  auto x = start_of(st, attempt_on::release, cmd.id, cmd.user);
  x.request = cmd.request;
  x.why = to_string(why);
  st.node->attempts->note(attempt_subject::of(cmd.id), x);
}

void note_verdict(const state& st, const op& what, outcome is) {
  if (!st.node->attempts || was_done(is)) return;
  auto named = std::visit(naming{}, what);
  if (!named) return;
  auto x = start_of(st, named->what, named->id, named->user);
  x.request = named->request;
  x.fate = is == outcome::unknown ? attempt_fate::unknown : attempt_fate::refused;
  x.why = is == outcome::unknown ? std::string_view{} : to_string(is);
  auto wish = std::get_if<create_reservation>(&what);
  if (!wish) return st.node->attempts->note(attempt_subject::of(named->id), x);
  for (auto& item : wish->items) {
    if (item.block_no != st.core->block_no()) continue;
    x.fence = item.fence;
    st.node->attempts->note(attempt_subject::of_item(item), x);
  }
}

} // namespace tk::seat_block
