#include "persistence/letters/actor.hpp"

#include <memory>
#include <utility>

#include <caf/stateful_actor.hpp>

#include "persistence/letters/replay.hpp"
#include "persistence/pool/pool.hpp"
#include "supervisors/no_timer.hpp"
#include "supervisors/reply_once.hpp"

namespace tk {

namespace {

constexpr size_t waiting_max = 64;

#define TK_LETTER                                                                                  \
  "d.id, d.consumer, d.event_id, d.shard, d.topic, d.key, d.type, d.body::text, d.correlation, "   \
  "d.made_at, coalesce(d.refused_why, d.why), d.tries + d.replays, d.at, d.ended_as, d.ended_at, " \
  "d.ended_why"

std::vector<pg_statement> letter_statements() {
  return {
    // One row at least, for the total.
    {"letters", "SELECT " TK_LETTER ", n.total FROM (SELECT count(*) AS total FROM dead_letters "
                "WHERE NOT $1::bool OR ended_as IS NULL) n LEFT JOIN (SELECT * FROM dead_letters "
                "WHERE NOT $1::bool OR ended_as IS NULL ORDER BY at DESC, id "
                "LIMIT $2::int4 OFFSET $3::int8) d ON true ORDER BY d.at DESC, d.id"},
    {"letter", "SELECT " TK_LETTER " FROM dead_letters d WHERE d.id = $1::uuid"},
    {"letter_end", "UPDATE dead_letters SET ended_as = $2::text, ended_at = clock_timestamp(), "
                   "ended_by = $3::uuid, ended_why = $4::text "
                   "WHERE id = $1::uuid AND ended_as IS NULL"},
    {"letter_again", "UPDATE dead_letters SET refused_why = $2::text, replays = replays + 1 "
                     "WHERE id = $1::uuid AND ended_as IS NULL"},
  };
}

#undef TK_LETTER

constexpr int total_column = 16;

letter_row letter_of(const pg::result& rows, int i) {
  letter_row x;
  x.id = rows.uuid<letter_id>(i, 0);
  x.consumer = rows.text(i, 1);
  x.event.id = rows.uuid<domain_event_id>(i, 2);
  if (!rows.null(i, 3)) x.event.shard = static_cast<uint16_t>(rows.int4(i, 3));
  x.event.topic = rows.text(i, 4);
  x.event.key = rows.text(i, 5);
  x.event.type = rows.text(i, 6);
  x.event.body = rows.text(i, 7);
  x.event.correlation = rows.uuid<request_id>(i, 8);
  x.event.made_at = rows.time(i, 9);
  x.why = rows.text(i, 10);
  x.tries = rows.int4(i, 11);
  x.at = rows.time(i, 12);
  if (!rows.null(i, 13))
    x.is = rows.text(i, 13) == "replayed" ? letter_state::replayed : letter_state::discarded;
  x.ended_at = rows.time_or(i, 14, instant{});
  x.ended_why = rows.text(i, 15);
  return x;
}

pg_result<letter_page> read_page(pg::connection& db, const list_letters& x) {
  auto rows =
    db.exec("letters", pg::params{}.add_bool(x.waiting_only).add_int4(x.limit).add_int8(x.offset));
  if (!rows.ok()) return read_failed(rows);
  letter_page out;
  out.total = rows.integer(0, total_column);
  for (int i = 0; i < rows.rows(); ++i)
    if (!rows.null(i, 0)) out.rows.push_back(letter_of(rows, i));
  return out;
}

/// The letter; `unknown` when there is none, `done` when it may be seen to.
pg_result<letter_reply> look(pg::connection& db, letter_id id) {
  auto rows = db.exec("letter", pg::params{}.add_id(id));
  if (!rows.ok()) return read_failed(rows);
  if (rows.rows() == 0) return letter_reply{};
  return letter_reply{letter_end::done, letter_of(rows, 0)};
}

/// Puts on record how it ended, unless it had ended before.
pg_result<letter_reply> end_as(pg::connection& db, const discard_letter& x, letter_state is) {
  auto word = is == letter_state::replayed ? "replayed" : "discarded";
  auto done =
    db.exec("letter_end", pg::params{}.add_id(x.id).add_text(word).add_id(x.by).add_text(x.why));
  if (!done.ok()) return write_failed(done);
  auto out = look(db, x.id);
  if (out && out->is == letter_end::done && out->row.is != is) out->is = letter_end::other_end;
  return out;
}

pg_result<letter_reply> note_refusal(pg::connection& db, letter_id id, const std::string& why) {
  auto done = db.exec("letter_again", pg::params{}.add_id(id).add_text(why));
  if (!done.ok()) return write_failed(done);
  auto out = look(db, id);
  if (out && out->is == letter_end::done) out->is = letter_end::refused;
  return out;
}

/// A job of the actor's own: `then` hears what came of it, on the actor's thread.
struct letter_job final : pg_job {
  using work_type = std::function<pg_result<letter_reply>(pg::connection&)>;
  using then_type = letter_ways::heard;
  letter_job(work_type x, then_type y) : work(std::move(x)), then(std::move(y)) {
    // nop
  }
  pg_result<void> run(pg::connection& db) override {
    auto done = work(db);
    if (!done) return tl::unexpected(done.error());
    made = std::move(*done);
    return {};
  }
  void answer(ec x) override { then(x, made); }
  work_type work;
  then_type then;
  letter_reply made;
};

struct letters_state {
  static inline const char* name = "tiketi.letters";
  pg_pool<letters_actor::base> pool;
  std::map<std::string, event_sink_actor> consumers;
};
using letters_ptr = letters_actor::stateful_pointer<letters_state>;

/// How a replay reaches the rows and the consumers of `self`, which outlives it.
letter_ways ways_of(letters_ptr self) {
  using heard = letter_ways::heard;
  auto run = [self](letter_job::work_type work, const heard& then) {
    self->state.pool.submit(std::make_shared<letter_job>(std::move(work), then));
  };
  letter_ways out;
  out.look = [run](letter_id id, const heard& then) {
    run([id](pg::connection& db) { return look(db, id); }, then);
  };
  out.end_as = [run](const discard_letter& x, letter_state is, const heard& then) {
    run([x, is](pg::connection& db) { return end_as(db, x, is); }, then);
  };
  out.note_refusal = [run](letter_id id, const std::string& why, const heard& then) {
    run([id, why](pg::connection& db) { return note_refusal(db, id, why); }, then);
  };
  out.hand = [self](const std::string& consumer, const outbox_row& row,
                    const std::function<void(const row_outcome&)>& then) {
    auto& consumers = self->state.consumers;
    auto to = consumers.find(consumer);
    if (to == consumers.end()) return false;
    hand_over what;
    what.rows = std::make_shared<const outbox_rows>(outbox_rows{row});
    self->request(to->second, always_answered, what)
      .then([then](const handed_over& y) { then(y.rows.empty() ? row_outcome{} : y.rows.front()); },
            [then](caf::error&) { then({}); });
    return true;
  };
  return out;
}

letters_actor::behavior_type letters(letters_ptr self, const letters_config& config) {
  auto& st = self->state;
  st.consumers = config.consumers;
  st.pool.start(self,
                std::make_shared<pg_pool_config>(pg_pool_config{
                  config.conninfo, 1, waiting_max, "", letter_statements(), config.log, nullptr}));
  return {
    [&st](const list_letters& x) {
      return pg_answer<letter_page>(st.pool, [=](pg::connection& db) { return read_page(db, x); });
    },
    [=](const replay_letter& x) -> caf::result<letter_reply> {
      auto reply = promise_reply<letter_reply>(self);
      replay(ways_of(self), x, [reply](ec is, const letter_reply& y) {
        if (is == ec::ok) reply->deliver(y);
        else reply->fail(is);
      });
      return reply->rp;
    },
    [&st](const discard_letter& x) {
      return pg_answer<letter_reply>(
        st.pool, [=](pg::connection& db) { return end_as(db, x, letter_state::discarded); });
    },
  };
}

} // namespace

letters_actor spawn_letters(caf::actor_system& system, letters_config config) {
  return system.spawn(letters, std::move(config));
}

} // namespace tk
