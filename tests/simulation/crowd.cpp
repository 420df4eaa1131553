#include "tests/simulation/crowd.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "actors/session/port.hpp"
#include "tests/simulation/told.hpp"

namespace tk::sim {

namespace {

constexpr millis budget{8000};

/// What the ingress makes of a body, so that another body is another digest.
std::string digest_of(const std::vector<wanted_item>& items) {
  std::string out;
  for (auto& x : items)
    out += to_string(x.seat) + to_string(x.type) + std::to_string(x.quantity) + ";";
  return out;
}

} // namespace

crowd::crowd(world& where, oracle& judge) : world_(where), oracle_(judge) {
  people_.reserve(static_cast<size_t>(where.plan.people));
  for (int32_t n = 0; n < where.plan.people; ++n)
    people_.push_back({dice{where.seed, "person" + std::to_string(n)}, 0});
}

std::string crowd::new_key(int32_t person) {
  auto& keys = people_[static_cast<size_t>(person)].keys;
  return "key-" + std::to_string(person) + "-" + std::to_string(++keys);
}

void crowd::start() {
  for (int32_t n = 0; n < world_.plan.people; ++n) {
    if (!only.empty() && !only.contains(n)) continue;
    // Half of them in the first second: it is an on-sale.
    auto& d = dice_of(n);
    auto most = d.chance(500'000) ? millis{1000} : world_.plan.length;
    world_.time.after(millis{3000} + d.between(millis{0}, most),
                      [=, this] { begin(n, world_.plan.visits - 1); });
  }
}

std::vector<wanted_item> crowd::choose(dice& d) {
  auto& plan = world_.plan;
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
  std::vector<wanted_item> items{out.begin(), out.end()};
  // Two who want the same types in opposite orders must not wait for each other.
  if (standing && d.chance(500'000)) std::ranges::reverse(items);
  return items;
}

void crowd::begin(int32_t person, int32_t left) {
  if (!open_) return;
  ++visits_;
  auto v = std::make_shared<visit>();
  v->person = person;
  v->luck = &dice_of(person);
  v->left = left;
  v->wish.event = sale_event;
  v->wish.items = choose(*v->luck);
  v->wish.digest = digest_of(v->wish.items);
  if (v->luck->chance(800'000)) v->wish.key = new_key(person);
  v->wish.token_issued_at = world_.time.now();
  bool twice = v->luck->chance(world_.plan.people_do.double_clicks * 10'000);
  wish_for(v, !twice);
  if (twice) wish_for(v, true);
}

void crowd::finish(const visit_ptr& v) {
  if (v->luck->chance(world_.plan.people_do.signs_out * 10'000)) sign_out(v);
  if (v->left > 0)
    world_.time.after(v->luck->between(millis{200}, millis{20'000}),
                      [this, v] { begin(v->person, v->left - 1); });
}

// -- at the end -----------------------------------------------------------------------------------

void crowd::ask_for_what_is_left() {
  std::map<int32_t, std::vector<wanted_item>> parties;
  for (auto& [seat, row] : world_.db.model.rows.seats) {
    if (row.status != 'a') continue;
    auto& party = parties[row.block_no];
    party.push_back({seat, row.block_no});
    if (party.size() == 4) ask_for_the_rest(std::exchange(party, {}));
  }
  for (auto& [block, party] : parties)
    if (!party.empty()) ask_for_the_rest(party);
  for (auto& [type, row] : world_.db.model.rows.types)
    if (row.available > 0) ask_for_the_rest({{{}, row.block_no, type, row.available}});
}

void crowd::ask_for_the_rest(std::vector<wanted_item> items) {
  auto user = user_of(world_.plan.people + late_comers_++);
  world_.db.model.rows.users[user] = instant{};
  reserve_items wish;
  wish.event = sale_event;
  wish.items = std::move(items);
  wish.digest = digest_of(wish.items);
  wish.token_issued_at = world_.time.now();
  oracle_.asked(user, wish.digest, wish.items);
  refused_ = "I3: what nobody has cannot be had: no answer"; // Until the last one has come.
  ++waiting_;
  world_.ask_at<session_actor>(
    world_.any_node(), key_of(user), wish, budget, [=, this](const answer<hold_reply>& x) {
      if (x.is() != ec::ok && last_refusal_.empty())
        last_refusal_ = "I3: what nobody has cannot be had: " + std::string{to_string(x.is())};
      if (--waiting_ == 0) refused_ = last_refusal_;
    });
}

// -- holding --------------------------------------------------------------------------------------

/// `last_word`: the answer decides what this person does next. The first of two clicks does not.
void crowd::wish_for(const visit_ptr& v, bool last_word) {
  oracle_.asked(user_of(v->person), v->wish.digest, v->wish.items);
  ++waiting_;
  auto asked = world_.time.now();
  auto wish = v->wish;
  world_.ask_at<session_actor>(world_.any_node(*v->luck), key_of(user_of(v->person)), wish, budget,
                               [=, this](const answer<hold_reply>& x) {
                                 --waiting_;
                                 on_hold(v, wish, asked, x, last_word);
                               });
}

void crowd::on_hold(const visit_ptr& v, const reserve_items& wish, instant asked,
                    const answer<hold_reply>& x, bool last_word) {
  oracle_.heard(told_of(user_of(v->person), wish, asked, world_.time.now(), x));
  if (!last_word) return;
  auto& likes = world_.plan.people_do;
  if (x.is() == ec::ok) {
    v->id = x.value.id;
    v->price = x.value.total;
    if (!wish.key.empty() && v->luck->chance(likes.other_body * 10'000)) other_body(v);
    return go_on(v);
  }
  bool again = x.is() == ec::unknown || retryable(x.is());
  // With a key at another node; without one only what certainly did not happen.
  if (again && v->tries < 4 && v->luck->chance(likes.retries * 10'000) &&
      (!wish.key.empty() || x.is() != ec::unknown)) {
    ++v->tries;
    world_.time.after(v->luck->between(millis{10}, millis{2000}), [=, this] { wish_for(v, true); });
    return;
  }
  finish(v);
}

/// The same key with another body must never have an effect (I6).
void crowd::other_body(const visit_ptr& v) {
  auto other = std::make_shared<visit>(*v);
  other->wish.items = choose(*v->luck);
  other->wish.digest = digest_of(other->wish.items);
  if (other->wish.digest != v->wish.digest) wish_for(other, false);
}

void crowd::go_on(const visit_ptr& v) {
  auto& likes = world_.plan.people_do;
  auto soon = v->luck->between(millis{50}, millis{4000});
  auto then = [&](millis when, auto what) { world_.time.after(when, what); };
  auto all = likes.pays + likes.pays_twice + likes.cancels + likes.cancels_paying +
             likes.cancels_paid + likes.pays_late + likes.abandons;
  auto x = static_cast<uint32_t>(v->luck->below(std::max<uint32_t>(all, 1)));
  auto is = [&x](uint32_t share) {
    if (x < share) return true;
    x -= share;
    return false;
  };
  if (is(likes.pays)) return then(soon, [=, this] { prepare(v, false, false); });
  if (is(likes.pays_twice)) return then(soon, [=, this] { prepare(v, true, false); });
  if (is(likes.cancels)) return then(soon, [=, this] { cancel(v); });
  if (is(likes.cancels_paying)) return then(soon, [=, this] { prepare(v, false, true); });
  if (is(likes.cancels_paid)) {
    then(soon, [=, this] { prepare(v, false, false); });
    return then(soon + v->luck->between(millis{100}, millis{6000}), [=, this] { cancel_paid(v); });
  }
  if (is(likes.pays_late)) {
    auto end = millis{1000 * world_.plan.hold_s};
    return then(end + v->luck->between(millis{-400}, millis{400}),
                [=, this] { prepare(v, false, false); });
  }
  finish(v); // Leaves it to run out.
}

void crowd::cancel(const visit_ptr& v) {
  ++waiting_;
  auto asked = world_.time.now();
  cancel_reservation what{v->id, asked, {}};
  world_.ask_at<session_actor>(world_.any_node(*v->luck), key_of(user_of(v->person)), what, budget,
                               [=, this](const answer<release_reply>& x) {
                                 --waiting_;
                                 oracle_.heard_cancel({v->id, x.is(), asked, world_.time.now()});
                                 finish(v);
                               });
}

// -- paying ---------------------------------------------------------------------------------------

void crowd::prepare(const visit_ptr& v, bool twice, bool cancel_meanwhile) {
  ++waiting_;
  prepare_payment what{user_of(v->person), v->price, {}};
  auto then = [=, this](const answer<payment_reply>& x) {
    --waiting_;
    if (x.is() != ec::ok) return finish(v);
    v->order = x.value.order_id;
    auto refused = v->luck->chance(world_.plan.people_do.payment_declined * 10'000);
    auto key = (refused ? "fail-" : "") + new_key(v->person);
    if (v->luck->chance(600'000)) v->pay_key = new_key(v->person);
    confirm(v, {key, true, 0});
    if (twice) confirm(v, {new_key(v->person), false, 0});
    if (cancel_meanwhile)
      world_.time.after(v->luck->between(millis{0}, millis{200}), [=, this] { cancel(v); });
  };
  world_.ask_at<checkout_actor>(world_.any_node(*v->luck), key_of(v->id), what, budget, then);
}

/// As the ingress finds it: with what is on record for just this, if anything. That it was used for
/// something else is left to the checkout to find out, as when the look at it came too early.
request_key crowd::key_of_payment(const visit_ptr& v, const payment& by) const {
  request_key out{"payments.confirm", v->pay_key, v->order + by.key, {}};
  auto& known = world_.db.model.rows.request_keys;
  auto row = known.find({user_of(v->person), out.operation, out.key});
  if (row != known.end() && row->second.digest == out.digest) out.effect = row->second.effect;
  return out;
}

void crowd::confirm(const visit_ptr& v, const payment& by) {
  ++waiting_;
  confirm_payment what{user_of(v->person), v->order, by.key, v->price, millis{10'000}, {}};
  auto node = world_.any_node(*v->luck);
  auto asked = world_.time.now();
  auto key = v->pay_key.empty() ? request_key{} : key_of_payment(v, by);
  auto then = [=, this](const answer<payment_reply>& x) {
    --waiting_;
    on_paid(v, by, key, asked, x);
  };
  if (key.key.empty())
    world_.ask_at<checkout_actor>(node, key_of(v->id), what, millis{12'000}, then);
  else
    world_.ask_at<checkout_actor>(node, key_of(v->id), once<confirm_payment>{what, key},
                                  millis{12'000}, then);
}

void crowd::on_paid(const visit_ptr& v, const payment& by, const request_key& key, instant asked,
                    const answer<payment_reply>& x) {
  oracle_.heard_payment(
    {{v->id, x.is(), asked, world_.time.now()}, user_of(v->person), key, x.value.payment});
  if (!by.last_word) return;
  // With a key whatever left them in doubt is asked again, at any node; sometimes for no reason.
  bool in_doubt = x.is() == ec::unknown || x.is() == ec::payment_pending || retryable(x.is());
  bool again = !key.key.empty() && by.tries < 4 && (in_doubt || v->luck->chance(200'000));
  if (!again) return finish(v);
  world_.time.after(v->luck->between(millis{10}, millis{4000}), [=, this] {
    confirm(v, {by.key, true, by.tries + 1});
  });
}

void crowd::cancel_paid(const visit_ptr& v) {
  ++waiting_;
  auto asked = world_.time.now();
  cancel_payment what{user_of(v->person), "changed my mind", {}};
  world_.ask_at<checkout_actor>(world_.any_node(*v->luck), key_of(v->id), what, budget,
                                [=, this](const answer<payment_reply>& x) {
                                  --waiting_;
                                  oracle_.heard_refund({v->id, x.is(), asked, world_.time.now()});
                                });
}

void crowd::sign_out(const visit_ptr& v) {
  ++waiting_;
  auto asked = world_.time.now();
  world_.ask_at<session_actor>(world_.any_node(*v->luck), key_of(user_of(v->person)),
                               revoke_all{asked}, budget, [=, this](const answer<all_revoked>& x) {
                                 --waiting_;
                                 if (x.is() != ec::ok) return;
                                 oracle_.heard_sign_out(user_of(v->person), asked);
                                 if (v->luck->chance(500'000)) use_old_token(v);
                               });
}

/// Somebody goes on with what was stolen before the end of all sessions (I18).
void crowd::use_old_token(const visit_ptr& v) {
  auto thief = std::make_shared<visit>(*v);
  thief->wish.items = choose(*v->luck);
  thief->wish.digest = digest_of(thief->wish.items);
  thief->wish.key.clear();
  world_.time.after(v->luck->between(millis{1}, millis{3000}),
                    [=, this] { wish_for(thief, false); });
}

} // namespace tk::sim
