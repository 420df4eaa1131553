#include "persistence/seed/seed.hpp"

#include <algorithm>
#include <cassert>
#include <map>

#include "actors/base/business_day.hpp"
#include "actors/base/ids.hpp"
#include "actors/seat_block/partition.hpp"
#include "persistence/pg/connection.hpp"
#include "persistence/seed/data.hpp"

namespace tk {

namespace {

constexpr millis statement_limit{60'000};

std::string json_of(const seeds::layout& x) {
  std::string out = "{\"sections\":[";
  for (const auto& s : x.sections) {
    if (out.back() != '[') out += ',';
    out += "{\"name\":\"" + std::string{s.name} + "\",\"rows\":" + std::to_string(s.rows) +
           ",\"seatsPerRow\":" + std::to_string(s.seats_per_row) +
           ",\"price\":" + std::to_string(s.price) +
           ",\"startRow\":" + std::to_string(s.start_row) + '}';
  }
  return out + "]}";
}

int32_t seats_of(const seeds::layout& x) {
  int32_t n = 0;
  for (const auto& s : x.sections) n += s.rows * s.seats_per_row;
  return n;
}

/// One run of the seed inside one transaction.
class seeder {
public:
  seeder(pg::connection& db, const seed_options& options)
      : db_(db), options_(options), day_zero_(business_midnight(business_day(options.now))) {
    // nop
  }

  tl::expected<seeded, std::string> run() {
    // One seeder at a time; the number is this lock's own.
    if (!query("SELECT pg_advisory_xact_lock(7432)", {}) || !shop() || !load())
      return tl::unexpected(error_);
    return made_;
  }

private:
  bool shop() {
    auto found = query("SELECT EXISTS (SELECT FROM seat_layouts WHERE name = $1::text)",
                       pg::params{}.add_text(seeds::all_layouts().front().name));
    if (!found) return false;
    if (found_.boolean(0, 0)) return read_known();
    return add_layouts() && add_artists() && add_keywords() && add_news() &&
           add_account(options_.admin_email, "관리자", options_.admin_password_hash, "admin",
                       options_.admin_password_due) &&
           add_events(seeds::shop_events());
  }

  bool load() {
    if (options_.profile != seed_profile::load) return true;
    auto events = seeds::load_events();
    if (!query("SELECT EXISTS (SELECT FROM events WHERE title = $1::text)",
               pg::params{}.add_text(events.front().title)))
      return false;
    if (found_.boolean(0, 0)) return true;
    return add_account(std::string{seeds::load_account_mail}, seeds::load_account_name,
                       options_.load_password_hash, "user") &&
           add_events(events);
  }

  /// The ids of layouts and artists that an earlier run made.
  bool read_known() {
    if (!query("SELECT name, id FROM seat_layouts", {})) return false;
    for (int i = 0; i < found_.rows(); ++i)
      layouts_[std::string{found_.text(i, 0)}] = found_.uuid<layout_id>(i, 1);
    if (!query("SELECT name, id FROM artists", {})) return false;
    for (int i = 0; i < found_.rows(); ++i)
      artists_[std::string{found_.text(i, 0)}] = found_.uuid<artist_id>(i, 1);
    return true;
  }

  bool add_layouts() {
    for (const auto& x : seeds::all_layouts()) {
      auto id = layouts_[std::string{x.name}] = make_id<layout_id>(*options_.random);
      pg::params values;
      values.add_id(id).add_text(x.name).add_text(x.description).add_int4(seats_of(x));
      values.add_text(json_of(x));
      if (!query("INSERT INTO seat_layouts (id, name, description, total_seats, layout_config) "
                 "VALUES ($1::uuid, $2::text, $3::text, $4::int4, $5::text::jsonb)",
                 values))
        return false;
    }
    return true;
  }

  bool add_artists() {
    pg::array ids{pg::oid::uuid}, names{pg::oid::text};
    for (auto name : seeds::all_artists()) {
      auto id = artists_[std::string{name}] = make_id<artist_id>(*options_.random);
      ids.push_id(id);
      names.push_text(name);
    }
    return query("INSERT INTO artists (id, name, membership_price) "
                 "SELECT i, n, 30000 FROM unnest($1::uuid[], $2::text[]) x(i, n)",
                 pg::params{}.add(ids).add(names));
  }

  bool add_keywords() {
    pg::array korean{pg::oid::text}, english{pg::oid::text}, kinds{pg::oid::text};
    for (const auto& x : seeds::all_keywords()) {
      korean.push_text(x.korean);
      english.push_text(x.english);
      kinds.push_text(x.kind);
    }
    return query("INSERT INTO keyword_mappings (korean, english, entity_type) "
                 "SELECT * FROM unnest($1::text[], $2::text[], $3::text[])",
                 pg::params{}.add(korean).add(english).add(kinds));
  }

  bool add_news() {
    for (const auto& x : seeds::all_news()) {
      pg::params values;
      values.add_text(x.title).add_text(x.content).add_text(seeds::news_author);
      values.add_int4(x.views).add_bool(x.pinned);
      if (!query("INSERT INTO news (title, content, author, views, is_pinned) "
                 "VALUES ($1::text, $2::text, $3::text, $4::int4, $5::bool)",
                 values))
        return false;
    }
    return true;
  }

  bool add_account(const std::string& mail, std::string_view name, const std::string& hash,
                   std::string_view role, bool password_due = false) {
    auto email = options_.vault->encrypt("email", mail);
    auto full_name = options_.vault->encrypt("name", name);
    if (!email || !full_name) return fail("personal data cannot be encrypted");
    pg::params values;
    values.add_id(make_id<user_id>(*options_.random)).add_bytes(*email);
    values.add_bytes(options_.vault->lookup(mail)).add_text_or_null(hash).add_bytes(*full_name);
    values.add_text(role).add_bool(password_due);
    return query("INSERT INTO users (id, email_cipher, email_lookup, password_hash, name_cipher, "
                 "role, password_due) VALUES ($1::uuid, $2::bytea, $3::bytea, $4::text, "
                 "$5::bytea, $6::text, $7::bool) "
                 "ON CONFLICT (email_lookup) DO NOTHING",
                 values);
  }

  bool add_events(const std::vector<seeds::event>& list) {
    return std::all_of(list.begin(), list.end(),
                       [&](const seeds::event& x) { return add_event(x); });
  }

  bool add_event(const seeds::event& x) {
    auto id = make_id<event_id>(*options_.random);
    pg::params values;
    values.add_id(id).add_text(x.title).add_text(x.venue).add_text(x.address);
    values.add_time(at(x.date)).add_time(at(x.sale_start)).add_time(at(x.sale_end));
    values.add_text(x.on_sale ? "on_sale" : "upcoming");
    values.add_id_or_null(x.layout.empty() ? layout_id{} : layouts_.at(std::string{x.layout}));
    values.add_text_or_null(x.artist);
    values.add_id_or_null(x.artist.empty() ? artist_id{} : artists_.at(std::string{x.artist}));
    if (!query("INSERT INTO events (id, title, venue, address, event_date, sale_start_date, "
               "sale_end_date, status, seat_layout_id, artist_name, artist_id) VALUES ($1::uuid, "
               "$2::text, $3::text, $4::text, $5::timestamptz, $6::timestamptz, $7::timestamptz, "
               "$8::text, $9::uuid, $10::text, $11::uuid)",
               values))
      return false;
    ++made_.events;
    return add_types(id, x) && (x.layout.empty() || add_seats(id, layout_of(x.layout)));
  }

  bool add_types(const event_id& event, const seeds::event& x) {
    for (const auto& type : x.types) {
      pg::params values;
      values.add_id(make_id<ticket_type_id>(*options_.random)).add_id(event).add_text(type.name);
      values.add_int4(type.price).add_int4(type.total).add_int4(type.available);
      if (!query("INSERT INTO ticket_types (id, event_id, name, price, total_quantity, "
                 "available_quantity, sold_elsewhere) VALUES ($1::uuid, $2::uuid, $3::text, "
                 "$4::int4, $5::int4, $6::int4, $5::int4 - $6::int4)",
                 values))
        return false;
    }
    return true;
  }

  /// In dense order: block, row, seat. The seats of a block lie on neighbouring pages (H-26).
  bool add_seats(const event_id& event, const seeds::layout& layout) {
    std::vector<section_rows> shape;
    shape.reserve(layout.sections.size());
    for (const auto& s : layout.sections)
      shape.push_back({std::vector<int32_t>(static_cast<size_t>(s.rows), s.seats_per_row)});
    auto blocks = block_numbers(shape);
    pg::array ids{pg::oid::uuid}, block{pg::oid::int4}, section{pg::oid::text};
    pg::array row{pg::oid::int4}, seat{pg::oid::int4}, label{pg::oid::text}, price{pg::oid::int4};
    size_t n = 0;
    for (const auto& s : layout.sections)
      for (int32_t r = s.start_row; r < s.start_row + s.rows; ++r)
        for (int32_t k = 1; k <= s.seats_per_row; ++k) {
          ids.push_id(make_id<seat_id>(*options_.random));
          block.push_int(blocks[n++]);
          section.push_text(s.name);
          row.push_int(r);
          seat.push_int(k);
          label.push_text(std::string{s.name} + '-' + std::to_string(r) + '-' + std::to_string(k));
          price.push_int(s.price);
        }
    assert(n == blocks.size());
    made_.seats += static_cast<int32_t>(n);
    pg::params values;
    values.add_id(event).add(ids).add(block).add(section).add(row).add(seat).add(label).add(price);
    return query("INSERT INTO seats (id, event_id, block_no, section, row_number, seat_number, "
                 "seat_label, price) SELECT i, $1::uuid, b, s, r, k, l, p FROM unnest($2::uuid[], "
                 "$3::int4[], $4::text[], $5::int4[], $6::int4[], $7::text[], $8::int4[]) "
                 "x(i, b, s, r, k, l, p)",
                 values) &&
           query("UPDATE events SET (min_seat_price, max_seat_price) = (SELECT min(price), "
                 "max(price) FROM seats WHERE event_id = $1::uuid) WHERE id = $1::uuid",
                 pg::params{}.add_id(event));
  }

  static const seeds::layout& layout_of(std::string_view name) {
    const auto& all = seeds::all_layouts();
    auto found =
      std::find_if(all.begin(), all.end(), [&](const seeds::layout& x) { return x.name == name; });
    assert(found != all.end());
    return *found;
  }

  [[nodiscard]] instant at(seeds::moment x) const {
    return day_zero_ + std::chrono::hours{24 * x.day + x.hour} + std::chrono::minutes{x.minute};
  }

  bool query(const char* sql, const pg::params& values) {
    found_ = db_.query(sql, values, statement_limit);
    return found_.ok() || fail(found_.error());
  }

  bool fail(std::string text) {
    error_ = std::move(text);
    return false;
  }

  pg::connection& db_;
  const seed_options& options_;
  instant day_zero_;
  pg::result found_;
  std::string error_;
  std::map<std::string, layout_id> layouts_;
  std::map<std::string, artist_id> artists_;
  seeded made_;
};

} // namespace

tl::expected<seeded, std::string> seed(const std::string& conninfo, const seed_options& options) {
  assert(options.random != nullptr && options.vault != nullptr);
  auto db = pg::connection::open(conninfo);
  if (!db) return tl::unexpected("cannot connect: " + db.error());
  if (auto begun = db->run_script("BEGIN"); !begun.ok()) return tl::unexpected(begun.error());
  auto made = seeder{*db, options}.run();
  if (!made) return tl::unexpected("seeding failed: " + made.error()); // Closing rolls back.
  if (auto ended = db->run_script("COMMIT", statement_limit); ended.command_tag() != "COMMIT")
    return tl::unexpected("seeding was not committed: " + ended.error());
  return made;
}

} // namespace tk
