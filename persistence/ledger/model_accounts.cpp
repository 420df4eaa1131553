#include <algorithm>
#include <utility>

#include "persistence/ledger/model_driver.hpp"
#include "persistence/ledger/model_undo.hpp"

/// Refresh-token families and the keys of requests: the ops of the accounts lane.
namespace tk {

using model::plain;
using model::save;
using model::save_absence;

void ledger_model::account_ops(const batch& what, std::vector<verdict>& out, undo_log& undo) {
  for (size_t i = 0; i < what.ops.size(); ++i) {
    const auto* x = std::get_if<open_family>(what.ops[i].get());
    if (x == nullptr) continue;
    out[i] = plain(judge(*x), revoked_before(x->user));
    if (out[i].is == outcome::ok) apply(*x, out[i], undo);
  }
  rotate_all(what, out, undo);
  for (size_t i = 0; i < what.ops.size(); ++i) {
    const auto* x = std::get_if<revoke_tokens>(what.ops[i].get());
    if (x == nullptr) continue;
    const auto is = judge(*x);
    if (is == outcome::ok) apply(*x, undo);
    out[i] = plain(is, revoked_before(x->user));
  }
  claim_all(what, out, undo);
}

instant ledger_model::revoked_before(user_id x) const {
  const auto i = rows.users.find(x);
  return i == rows.users.end() ? instant{} : i->second;
}

model_credentials ledger_model::credentials_of(user_id x) const {
  const auto i = rows.credentials.find(x);
  return i == rows.credentials.end() ? model_credentials{} : i->second;
}

void ledger_model::end_family(family_id x, undo_log& undo) {
  for (auto& [hash, token] : rows.tokens) {
    if (token.family != x || token.revoked) continue;
    save(undo, token);
    token.revoked = true;
  }
  auto& family = rows.families.at(x);
  if (family.revoked) return;
  save(undo, family);
  family.revoked = true;
}

void ledger_model::refuse_tokens(user_id x, undo_log& undo) {
  auto& moment = rows.users.at(x);
  save(undo, moment);
  moment = std::max(moment, now_);
}

// -- open -----------------------------------------------------------------------------------------

outcome ledger_model::judge(const open_family& x) const {
  if (rows.families.contains(x.family) || rows.tokens.contains(x.token_hash)) return outcome::done;
  if (fenced(x.session)) return outcome::fenced;
  const auto known = credentials_of(x.user);
  if (!rows.users.contains(x.user) || known.closed) return outcome::not_pending;
  if (x.credentials > 0 && x.credentials != known.number) return outcome::moved;
  return outcome::ok;
}

void ledger_model::apply(const open_family& x, verdict& out, undo_log& undo) {
  const auto family_ends = now_ + std::chrono::seconds(x.life_s);
  out.expires_at = std::min(family_ends, now_ + std::chrono::seconds(x.ttl_s));
  rows.families[x.family] = {x.user, 1, now_, family_ends, false, x.user_agent, x.address};
  save_absence(undo, rows.families, x.family);
  rows.tokens[x.token_hash] = {x.user, x.family, 1, out.expires_at, false};
  save_absence(undo, rows.tokens, x.token_hash);
  const auto old = rows.families.find(x.ends);
  if (old != rows.families.end() && old->second.user == x.user) end_family(x.ends, undo);
}

// -- rotate ---------------------------------------------------------------------------------------

outcome ledger_model::judge(const rotate_token& x) const {
  if (rows.tokens.contains(x.next_hash)) return outcome::done;
  if (fenced(x.session)) return outcome::fenced;
  const auto i = rows.tokens.find(x.token_hash);
  if (i == rows.tokens.end() || i->second.user != x.user || i->second.family != x.family)
    return outcome::not_pending;
  const auto& token = i->second;
  const auto& family = rows.families.at(x.family);
  const auto in_grace = token.generation == family.generation - 1 &&
                        now_ <= family.rotated_at + std::chrono::seconds(refresh_grace_s);
  if (token.generation != family.generation && !in_grace) return outcome::reused;
  const auto over = std::min(token.expires_at, family.expires_at) <= now_;
  return family.revoked || over ? outcome::not_pending : outcome::ok;
}

void ledger_model::rotate_all(const batch& what, std::vector<verdict>& out, undo_log& undo) {
  std::set<std::string> made;
  for (size_t i = 0; i < what.ops.size(); ++i) {
    const auto* x = std::get_if<rotate_token>(what.ops[i].get());
    if (x == nullptr) continue;
    out[i].is = judge(*x);
    const auto twin = !made.insert(x->next_hash).second;
    const auto judged = out[i].is == outcome::done || out[i].is == outcome::fenced;
    if (twin && !judged) out[i].is = outcome::in_flight;
  }
  for (size_t i = 0; i < what.ops.size(); ++i) {
    const auto* x = std::get_if<rotate_token>(what.ops[i].get());
    if (x == nullptr) continue;
    if (out[i].is == outcome::ok) apply(*x, out[i], undo);
    if (out[i].is != outcome::reused) continue;
    if (!rows.families.at(x->family).revoked) refuse_tokens(x->user, undo);
    end_family(x->family, undo);
  }
  for (size_t i = 0; i < what.ops.size(); ++i)
    if (const auto* x = std::get_if<rotate_token>(what.ops[i].get()))
      out[i].at = revoked_before(x->user);
}

void ledger_model::apply(const rotate_token& x, verdict& out, undo_log& undo) {
  auto& token = rows.tokens.at(x.token_hash);
  auto& family = rows.families.at(x.family);
  out.expires_at = std::min(family.expires_at, now_ + std::chrono::seconds(x.ttl_s));
  rows.tokens[x.next_hash] = {x.user, x.family, token.generation + 1, out.expires_at, false};
  save_absence(undo, rows.tokens, x.next_hash);
  save(undo, token);
  token.revoked = true;
  // A twin of this batch may have turned the family already.
  if (token.generation != family.generation) return;
  save(undo, family);
  ++family.generation;
  family.rotated_at = now_;
}

// -- revoke ---------------------------------------------------------------------------------------

outcome ledger_model::judge(const revoke_tokens& x) const {
  const auto known = credentials_of(x.user);
  const auto named = rows.families.find(x.only);
  const auto theirs = named != rows.families.end() && named->second.user == x.user;
  if ((!x.new_hash.empty() && known.password_hash == x.new_hash) || (x.close && known.closed) ||
      (theirs && named->second.revoked))
    return outcome::done;
  if (fenced(x.session)) return outcome::fenced;
  if (!rows.users.contains(x.user) || (!x.only.nil() && !theirs)) return outcome::not_pending;
  if (!x.new_hash.empty() && known.password_hash != x.old_hash) return outcome::moved;
  return outcome::ok;
}

void ledger_model::apply(const revoke_tokens& x, undo_log& undo) {
  refuse_tokens(x.user, undo);
  if (!x.new_hash.empty() || x.close) {
    if (!rows.credentials.contains(x.user)) save_absence(undo, rows.credentials, x.user);
    auto& known = rows.credentials[x.user];
    save(undo, known);
    if (!x.new_hash.empty()) known.password_hash = x.new_hash;
    known.closed = known.closed || x.close;
    ++known.number;
  }
  for (auto& [id, family] : rows.families)
    if (family.user == x.user && id != x.keep && (x.only.nil() || id == x.only))
      end_family(id, undo);
}

// -- keys -----------------------------------------------------------------------------------------

void ledger_model::claim_all(const batch& what, std::vector<verdict>& out, undo_log& undo) {
  std::set<std::tuple<user_id, std::string, std::string>> seen;
  for (size_t i = 0; i < what.ops.size(); ++i) {
    const auto* x = std::get_if<claim_key>(what.ops[i].get());
    if (x == nullptr) continue;
    const auto first = seen.insert({x->user, x->operation, x->key}).second;
    out[i] = claim(*x, first, undo);
  }
}

verdict ledger_model::claim(const claim_key& x, bool first, undo_log& undo) {
  if (!rows.users.contains(x.user)) return plain(outcome::not_pending, now_);
  const auto at = std::tuple{x.user, x.operation, x.key};
  const auto [i, made] = rows.request_keys.try_emplace(at, model_key{x.digest, x.effect});
  auto& known = i->second;
  if (made) {
    save_absence(undo, rows.request_keys, at);
  } else if (first && known.digest == x.digest && known.effect == x.instead_of) {
    save(undo, known);
    known.effect = x.effect;
  }
  auto v = plain(known.digest != x.digest   ? outcome::conflict
                 : known.effect == x.effect ? outcome::ok
                                            : outcome::replayed,
                 now_);
  v.effect = known.effect;
  return v;
}

} // namespace tk
