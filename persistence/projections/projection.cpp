#include "persistence/projections/projection.hpp"

namespace tk {

pg_result<applied_events> take_events(pg::connection& db, const char* statement, const char* group,
                                      const std::vector<domain_event>& events) {
  pg::array ids{pg::oid::text}, types{pg::oid::text}, times{pg::oid::timestamptz},
    bodies{pg::oid::text};
  for (auto& x : events) {
    ids.push_text(x.id);
    types.push_text(x.type);
    times.push_time(x.at);
    bodies.push_text(x.body);
  }
  pg::params values;
  values.add(ids).add(types).add(times).add(bodies).add_text(group);
  auto rows = db.exec(statement, values);
  // What a constraint refuses is refused whoever tries, like what is no number.
  if (rows.sqlstate().starts_with("23"))
    return tl::unexpected(pg_failure{ec::bad_request, rows.error()});
  if (!rows.ok()) return write_failed(rows);
  applied_events out;
  for (int i = 0; i < rows.rows(); ++i) {
    auto applied = rows.integer(i, 1);
    out.types.push_back(
      {std::string{rows.text(i, 0)}, applied, rows.integer(i, 2) - applied, rows.integer(i, 3)});
  }
  return out;
}

} // namespace tk
