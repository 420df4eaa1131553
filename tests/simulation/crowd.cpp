#include "tests/simulation/crowd.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "actors/session/port.hpp"
#include "tests/simulation/told.hpp"

namespace tk::sim {

namespace {

/// In the order of `turn`.
std::array<uint32_t, 7> shares_of(const habits& x) {
  return {x.pays,         x.pays_twice, x.cancels, x.cancels_paying,
          x.cancels_paid, x.pays_late,  x.abandons};
}

} // namespace

std::string digest_of(const std::vector<wanted_item>& items) {
  std::string out;
  for (auto& x : items)
    out += to_string(x.seat) + to_string(x.type) + std::to_string(x.quantity) + ";";
  return out;
}

crowd::crowd(world& in, oracle& by) : where(in), judge(by) {
  people_.reserve(static_cast<size_t>(in.plan.people));
  for (int32_t n = 0; n < in.plan.people; ++n)
    people_.push_back({dice{in.seed, "person" + std::to_string(n)}, 0});
}

void crowd::does(turn x, std::function<void(const visit_ptr&, millis)> what) {
  turns_[x] = std::move(what);
}

void crowd::when_held(std::function<void(const visit_ptr&)> what) {
  when_held_.push_back(std::move(what));
}

void crowd::when_leaving(std::function<void(const visit_ptr&)> what) {
  when_leaving_.push_back(std::move(what));
}

std::string crowd::new_key(int32_t person) {
  auto& keys = people_[static_cast<size_t>(person)].keys;
  return "key-" + std::to_string(person) + "-" + std::to_string(++keys);
}

void crowd::choose(visit& v) {
  auto& plan = where.plan;
  auto& d = *v.luck;
  bool standing = !plan.standing.empty() && (plan.blocks == 0 || d.chance(400'000));
  auto count = d.between(1, plan.party_max);
  std::set<wanted_item> out;
  for (int64_t i = 0; i < count; ++i) {
    if (standing) {
      auto type = static_cast<int32_t>(d.below(plan.standing.size()));
      auto same = [&](auto& x) { return x.type == type_of(type); };
      if (std::ranges::none_of(out, same))
        out.insert(
          {{}, first_quota_block + type, type_of(type), static_cast<int32_t>(d.between(1, 4))});
    } else {
      auto n = static_cast<int32_t>(
        d.zipf(static_cast<uint64_t>(plan.blocks) * static_cast<uint64_t>(plan.seats_per_block)));
      auto block = n % plan.blocks; // Popular seats are spread over the blocks.
      out.insert({seat_of(block, n / plan.blocks + 1), block});
    }
  }
  v.wish.items.assign(out.begin(), out.end());
  // Two who want the same types in opposite orders must not wait for each other.
  if (standing && d.chance(500'000)) std::ranges::reverse(v.wish.items);
  v.wish.digest = digest_of(v.wish.items);
}

void crowd::come(int32_t person, int32_t more) {
  if (!open_) return;
  ++visits_;
  auto v = std::make_shared<visit>();
  v->person = person;
  v->luck = &dice_of(person);
  v->left = more;
  v->wish.event = sale_event;
  choose(*v);
  if (v->luck->chance(800'000)) v->wish.key = new_key(person);
  v->wish.token_issued_at = where.time.now();
  bool twice = v->luck->chance(where.plan.people_do.double_clicks * 10'000);
  wish_for(v, !twice);
  if (twice) wish_for(v, true);
}

void crowd::finish(const visit_ptr& v) {
  for (auto& also : when_leaving_) also(v);
  if (v->left > 0)
    where.time.after(v->luck->between(millis{200}, millis{20'000}),
                     [this, v] { come(v->person, v->left - 1); });
}

void crowd::wish_for(const visit_ptr& v, bool last_word) {
  auto user = user_of(v->person);
  judge.asked(user, v->wish.digest, v->wish.items);
  auto asked = where.time.now();
  auto wish = v->wish;
  ask<session_actor>(
    where.any_node(*v->luck), key_of(user), wish, patience,
    [=, this](const answer<hold_reply>& x) { on_hold(v, wish, asked, x, last_word); });
}

void crowd::on_hold(const visit_ptr& v, const reserve_items& wish, instant asked,
                    const answer<hold_reply>& x, bool last_word) {
  judge.heard(told_of(user_of(v->person), wish, asked, where.time.now(), x));
  if (!last_word) return;
  if (x.is() == ec::ok) {
    v->id = x.value.id;
    v->price = x.value.total;
    for (auto& also : when_held_) also(v);
    return go_on(v);
  }
  bool again = x.is() == ec::unknown || retryable(x.is());
  // With a key at another node; without one only what certainly did not happen.
  if (again && v->tries < 4 && v->luck->chance(where.plan.people_do.retries * 10'000) &&
      (!wish.key.empty() || x.is() != ec::unknown)) {
    ++v->tries;
    where.time.after(v->luck->between(millis{10}, millis{2000}), [=, this] { wish_for(v, true); });
    return;
  }
  finish(v);
}

void crowd::go_on(const visit_ptr& v) {
  auto shares = shares_of(where.plan.people_do);
  auto soon = v->luck->between(millis{50}, millis{4000});
  auto all = std::accumulate(shares.begin(), shares.end(), 0u);
  auto x = static_cast<uint32_t>(v->luck->below(std::max<uint32_t>(all, 1)));
  size_t drawn = 0;
  for (; drawn + 1 < shares.size() && x >= shares[drawn]; ++drawn) x -= shares[drawn];
  take(static_cast<turn>(drawn), v, soon);
}

void crowd::take(turn x, const visit_ptr& v, millis soon) {
  auto what = turns_.find(x);
  if (what == turns_.end()) return finish(v); // Leaves it to run out.
  what->second(v, soon);
}

} // namespace tk::sim
