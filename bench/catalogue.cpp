#include <array>
#include <atomic>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <thread>

#include "actors/base/business_day.hpp"
#include "bench/bench.hpp"
#include "persistence/pg/connection.hpp"
#include "persistence/store/queries.hpp"

/// Lists and searches over a catalogue of 10,000 events (G09). No question comes again within a
/// second, so that the response cache answers none of them.
namespace tk::bench {

namespace {

constexpr uint64_t events = 10'000, words = 2'000, korean_words = 900, artists = 340;
constexpr size_t connections = 8, store_connections = 2; // The latter is the node's default.
constexpr double list_goal_ms = 200, search_goal_ms = 50;

// Made-up words, 5 of 2,000 in a title and 2 of 900 Korean ones; as SQL and, below, as text.
constexpr auto word_functions = R"(
CREATE FUNCTION pg_temp.word(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT (ARRAY['ka','lo','mi','ren','su','ta','vel','bo','din','fa'])[n % 10 + 1] ||
         (ARRAY['ga','he','jo','ku','lan','mo','nis','per','qua','ri'])[n / 10 % 10 + 1] ||
         (ARRAY['st','th','x','rm','n','l','sk','d','p','ng',
                'sty','thy','xy','rmy','ny','ly','sky','dy','py','ngy'])[n / 100 % 20 + 1] $$;
CREATE FUNCTION pg_temp.hangul(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT substr('가나다라마바사아자차카타파하고노도로모보소오조초코토포호구누', (n % 30 + 1)::int, 1) ||
         substr('람별꽃물산강빛길숲달눈봄솔새해밤날들불콩돌잎글춤북종탑집벗꿈', (n / 30 % 30 + 1)::int, 1)
$$;)";

constexpr auto catalogue_rows = R"(
INSERT INTO keyword_mappings (korean, english)
  SELECT pg_temp.hangul(g * 7) || pg_temp.hangul(g * 7 + 3), 'Band ' || pg_temp.word(g * 5)
    FROM generate_series(0, 339) g;
INSERT INTO artists (name) SELECT 'Band ' || pg_temp.word(g * 5) FROM generate_series(0, 339) g;
INSERT INTO events (title, description, venue, address, event_date, sale_start_date, sale_end_date,
                    artist_name, artist_id)
  SELECT pg_temp.word(g * 7919 % 2000) || ' ' || pg_temp.hangul(g * 31 % 900) || ' ' ||
         pg_temp.word(g * 104729 % 2000) || ' ' || pg_temp.hangul(g * 37 % 900) || ' ' ||
         pg_temp.word(g * 1299709 % 2000), repeat(pg_temp.hangul(g) || ' ' || pg_temp.word(g), 60),
         'Hall ' || pg_temp.word(g % 60 * 33), pg_temp.hangul(g % 25) || '-ro ' || g % 200,
         now() + (35 + g % 120) * interval '1 day', now() - (g % 90 - 30) * interval '1 day',
         now() + (34 + g % 120) * interval '1 day', a.name, a.id
    FROM generate_series(0::bigint, 9999) g
    LEFT JOIN LATERAL (SELECT id, name FROM artists ORDER BY name OFFSET g % 340 LIMIT 1) a
      ON g % 3 > 0;
INSERT INTO ticket_types (event_id, name, price, total_quantity)
  SELECT id, 'T' || k, 10000 * k + (('x' || left(id::text, 4))::bit(16)::int % 90) * 1000, 100
    FROM events, generate_series(1, 3) k;)";

std::string word(uint64_t n) {
  constexpr std::array<const char*, 10> first{"ka", "lo",  "mi", "ren", "su",
                                              "ta", "vel", "bo", "din", "fa"};
  constexpr std::array<const char*, 10> second{"ga", "he",  "jo",  "ku",  "lan",
                                               "mo", "nis", "per", "qua", "ri"};
  constexpr std::array<const char*, 20> third{"st", "th", "x",   "rm",  "n",   "l",  "sk",
                                              "d",  "p",  "ng",  "sty", "thy", "xy", "rmy",
                                              "ny", "ly", "sky", "dy",  "py",  "ngy"};
  return std::string{first[n % 10]} + second[n / 10 % 10] + third[n / 100 % 20];
}

std::string hangul(uint64_t n) {
  constexpr std::string_view first = "가나다라마바사아자차카타파하고노도로모보소오조초코토포호구누";
  constexpr std::string_view second =
    "람별꽃물산강빛길숲달눈봄솔새해밤날들불콩돌잎글춤북종탑집벗꿈";
  constexpr size_t bytes = 3; // Of a syllable.
  return std::string{first.substr(n % 30 * bytes, bytes)} +
         std::string{second.substr(n / 30 % 30 * bytes, bytes)};
}

/// Question number `n` of a kind; `today` for those that filter by date.
using question = std::function<void(list_events& x, uint64_t n, instant today)>;

struct kind {
  const char* name;
  double goal_ms;
  question ask;
};

/// The `n`th round of the same texts or pages asks for another number of rows, so that no question
/// comes again while its answer is fresh.
void take_round(list_events& x, uint64_t n) { x.limit = 8 + static_cast<int32_t>(n % 25); }

void ask_filtered(list_events& x, uint64_t n, instant today) {
  x.search = hangul(n % korean_words).substr(0, 3); // One syllable.
  x.venue = "hall";
  x.min_price = won{20'000 + static_cast<int64_t>(n)};
  x.from = business_midnight(business_day(today + std::chrono::hours{24 * (30 + n % 40)}));
  x.before = business_midnight(business_day(today + std::chrono::hours{24 * (90 + n % 60)}));
  x.order = event_order::price;
  x.status = event_status_filter::on_sale;
}

void ask_deep(list_events& x, uint64_t n, instant) {
  x.search = "a"; // In nearly every title.
  x.page = 250 + static_cast<int32_t>(n % 500);
  take_round(x, n / 500);
}

std::vector<kind> kinds() {
  return {
    {"list, on sale, page 1 to 500", list_goal_ms,
     [](list_events& x, uint64_t n, instant) {
       x.status = event_status_filter::on_sale;
       x.page = static_cast<int32_t>(n % 500) + 1;
       take_round(x, n / 500);
     }},
    {"list of 76 to 100 rows", list_goal_ms,
     [](list_events& x, uint64_t n, instant) {
       x.page = static_cast<int32_t>(n % 95) + 1;
       x.limit = 76 + static_cast<int32_t>(n / 95 % 25);
     }},
    {"search, one word", search_goal_ms,
     [](list_events& x, uint64_t n, instant) {
       x.search = word(n % words);
       take_round(x, n / words);
     }},
    {"search, Korean word", search_goal_ms,
     [](list_events& x, uint64_t n, instant) {
       x.search = hangul(n % korean_words);
       take_round(x, n / korean_words);
     }},
    {"search, keyword pair", search_goal_ms,
     [](list_events& x, uint64_t n, instant) {
       x.search = hangul(n % artists * 7) + hangul(n % artists * 7 + 3);
       take_round(x, n / artists);
     }},
    {"search, all filters, by price", search_goal_ms, ask_filtered},
    {"search, no hit", search_goal_ms,
     [](list_events& x, uint64_t n, instant) { x.search = "zz" + std::to_string(n); }},
    {"search, deep page", search_goal_ms, ask_deep},
  };
}

list_events question_of(const kind& x, uint64_t n, instant today) {
  list_events out;
  x.ask(out, n, today);
  return out;
}

std::string escaped(const std::string& text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    auto u = static_cast<unsigned char>(c);
    if ((u >= '0' && u <= '9') || (u >= 'a' && u <= 'z')) out += c;
    else (out += '%').append({digits[u >> 4], digits[u & 15]});
  }
  return out;
}

std::string day_text(instant x) {
  auto day = business_day(x);
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(day.year()),
                static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
  return text.data();
}

/// The same question as a client asks it.
std::string path_of(const list_events& x) {
  auto out = "/api/v1/events?page=" + std::to_string(x.page) + "&limit=" + std::to_string(x.limit);
  if (!x.search.empty()) out += "&q=" + escaped(x.search);
  if (!x.venue.empty()) out += "&venue=" + escaped(x.venue);
  if (x.status == event_status_filter::on_sale) out += "&status=on_sale";
  if (x.from != instant::min()) out += "&from=" + day_text(x.from);
  if (x.before != instant::max()) out += "&to=" + day_text(x.before - millis{1});
  if (x.min_price) out += "&minPrice=" + std::to_string(x.min_price->amount);
  if (x.max_price) out += "&maxPrice=" + std::to_string(x.max_price->amount);
  if (x.order == event_order::price) out += "&sort=price";
  return out;
}

std::chrono::milliseconds duration_of(const options& how) {
  return std::chrono::milliseconds(static_cast<int64_t>(how.seconds * 1000));
}

pg::connection store_connection(const std::string& url) {
  auto db = pg::connection::open(url + " user=tiketi_store");
  if (!db) throw std::runtime_error(db.error());
  for (const auto& x : catalogue_statements())
    if (auto made = db->prepare(x.name, x.sql); !made.ok()) throw std::runtime_error(made.error());
  return std::move(*db);
}

/// The store's own code on its own connections, with nothing in front; answers per second.
double run_reference(shop& x, report& out, const kind& of, instant today, const options& how) {
  std::vector<pg::connection> homes;
  for (size_t i = 0; i < store_connections; ++i) homes.push_back(store_connection(x.url()));
  std::vector<histogram> times(store_connections);
  std::atomic<uint64_t> next{0}, failed{0};
  auto cpu = cpu_seconds(x.postgres_pid(), true);
  auto begin = std::chrono::steady_clock::now(), end = begin + duration_of(how);
  auto work = [&](size_t i) {
    for (auto from = begin; from < end;) {
      if (!read_events(homes[i], question_of(of, next++, today))) ++failed;
      auto to = std::chrono::steady_clock::now();
      times[i].add(to - from);
      from = to;
    }
  };
  std::thread other([&] { work(1); });
  work(0);
  other.join();
  if (failed > 0) throw std::runtime_error(std::string{"the store cannot answer: "} + of.name);
  auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  cpu = cpu_seconds(x.postgres_pid(), true) - cpu;
  auto rate = static_cast<double>(times[0].count() + times[1].count()) / seconds;
  std::array<char, 96> note{};
  std::snprintf(note.data(), note.size(), "p50 %.2f ms, p95 %.2f ms; cores: postgres %.0f %%",
                times[0].percentile_ms(0.5), times[0].percentile_ms(0.95), 100 * cpu / seconds);
  out.add(figure{std::string{"  store alone, "} + of.name, rate, "/s", note.data()});
  return rate;
}

void run_kind(shop& x, report& out, const kind& of, instant today, const options& how) {
  auto reference = run_reference(x, out, of, today, how);
  uint64_t n = 0;
  auto result = measure(x, {x.port(), connections, duration_of(how)}, [&](size_t, std::string& to) {
    to = get_request(path_of(question_of(of, n++, today)), false);
    return true;
  });
  std::string name = of.name;
  out.add(name, result.load, 200, result.node_cpu_s, result.postgres_cpu_s);
  out.add(figure{"  of the store alone", result.load.per_second(200) / reference, "", ""});
  out.add(goal{name + ": p95 in ms", result.load.latency.percentile_ms(0.95), of.goal_ms, false});
}

/// One page for everybody: what the cache is for.
void run_cached(shop& x, report& out, const options& how) {
  auto request = get_request("/api/v1/events?status=on_sale&page=1&limit=12", false);
  auto result = measure(x, {x.port(), connections, duration_of(how)}, [&](size_t, std::string& to) {
    to = request;
    return true;
  });
  out.add("one list again and again, from the cache", result.load, 200, result.node_cpu_s,
          result.postgres_cpu_s);
}

} // namespace

void bench_catalogue(shop& x, report& out, const options& how) {
  out.section("catalogue");
  // Other benchmarks' events would be found, too, and have no ticket types.
  x.sql().execute("TRUNCATE events CASCADE");
  x.sql().execute(word_functions);
  x.sql().execute(catalogue_rows);
  x.settle();
  if (x.sql().value("SELECT count(*) FROM event_search WHERE min_price > 0") !=
      std::to_string(events))
    throw std::runtime_error("the catalogue is not as it should be");
  auto today = std::chrono::floor<millis>(std::chrono::system_clock::now());
  // One address asks for everything here.
  x.set("RATE_LIMIT_GENERAL_RPM", "0");
  x.start_node();
  for (const auto& one : kinds()) run_kind(x, out, one, today, how);
  run_cached(x, out, how);
  x.stop_node();
  x.set("RATE_LIMIT_GENERAL_RPM", "");
}

} // namespace tk::bench
