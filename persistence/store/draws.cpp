#include "persistence/ledger/queue_places.hpp"
#include "persistence/store/queries.hpp"

namespace tk {

// A row a turn: a million people are a few hundred rows. Only a draw that was made is told.
std::vector<pg_statement> draw_statements() {
  return {
    {"draw", "SELECT generation, draw_seed, draw_from, draw_turn FROM queue_rooms "
             "WHERE event_id = $1::uuid AND draw_cutoff > 0"},
    {"draw_list",
     "SELECT turn, places, users FROM (SELECT l.turn, l.places, l.users, "
     "sum(cardinality(l.places)) OVER (ORDER BY l.turn) - cardinality(l.places) AS before "
     "FROM queue_log l WHERE l.event_id = $1::uuid AND l.generation = $2::int4 "
     "AND l.kind = 'join' AND l.turn > $3::bigint AND l.turn <= $4::bigint) x "
     "WHERE before < $5::bigint ORDER BY turn"},
  };
}

pg_result<draw_list> read_draw(pg::connection& db, const read_draw_list& x) {
  auto draw = db.exec("draw", pg::params{}.add_id(x.event));
  if (!draw.ok()) return read_failed(draw);
  draw_list out;
  if (draw.rows() == 0) return out;
  out.drawn = true;
  out.seed = parse_digest(draw.text(0, 1));
  const auto from = static_cast<uint32_t>(draw.integer(0, 2));
  const auto drawn_by = draw.integer(0, 3);
  auto rows = db.exec("draw_list", pg::params{}
                                     .add_id(x.event)
                                     .add_int4(draw.int4(0, 0))
                                     .add_int8(x.after_turn)
                                     .add_int8(drawn_by)
                                     .add_int8(x.lines_min));
  if (!rows.ok()) return read_failed(rows);
  std::vector<int32_t> places;
  std::vector<user_id> users;
  for (int i = 0; i < rows.rows(); ++i) {
    places.clear();
    users.clear();
    rows.int4s(i, 1, places);
    rows.uuids(i, 2, users);
    for (size_t n = 0; n < places.size(); ++n) {
      const auto place = queue_place::of(place_of_row(places[n]));
      if (place.direct && place.number >= from) out.lines.push_back({place.number, users[n]});
    }
    out.last_turn = rows.integer(i, 0);
  }
  out.more = rows.rows() > 0 && static_cast<int32_t>(out.lines.size()) >= x.lines_min &&
             out.last_turn < drawn_by;
  return out;
}

} // namespace tk
