#include "bench/shop.hpp"

#include "bench/load.hpp"

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <libpq-fe.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdexcept>
#include <thread>
#include <unistd.h>

#ifndef TIKETI_SOURCE_DIR
#error "TIKETI_SOURCE_DIR must name the repository"
#endif

namespace tk::bench {

// -- database
// --------------------------------------------------------------------------------------

database::database(const std::string& conninfo) : connection_(PQconnectdb(conninfo.c_str())) {
  if (PQstatus(connection_) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_));
  PQsetNoticeProcessor(
    connection_, [](void*, const char*) {}, nullptr);
}

database::~database() { PQfinish(connection_); }

void database::execute(const std::string& sql) { value(sql); }

std::string database::value(const std::string& sql) {
  auto result =
    std::unique_ptr<PGresult, decltype(&PQclear)>(PQexec(connection_, sql.c_str()), PQclear);
  auto status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    throw std::runtime_error(PQerrorMessage(connection_) + ("in: " + sql));
  return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

// -- ids, tokens, requests
// -------------------------------------------------------------------------

namespace {

std::string uuid_text(std::string_view prefix, uint64_t n) {
  auto out = std::array<char, 13>();
  std::snprintf(out.data(), out.size(), "%012llx", static_cast<unsigned long long>(n));
  return std::string(prefix) + out.data();
}

constexpr std::string_view users_prefix = "00000000-0000-4000-8000-";
constexpr std::string_view events_prefix = "00000000-0000-4000-8001-";
constexpr std::string_view seats_prefix = "00000000-0000-4000-8002-";

// The same ids in SQL.
std::string uuid_sql(std::string_view prefix, std::string_view n) {
  return "('" + std::string(prefix) + "' || lpad(to_hex(" + std::string(n) + "), 12, '0'))::uuid";
}

std::string base64url(std::string_view in) {
  constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  uint32_t bits = 0;
  int have = 0;
  for (char c : in) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    for (have += 8; have >= 6; have -= 6) out += digits[(bits >> (have - 6)) & 63];
  }
  if (have > 0) out += digits[(bits << (6 - have)) & 63];
  return out;
}

constexpr std::string_view host = "Host: localhost\r\n";

} // namespace

std::string user_uuid(uint64_t n) { return uuid_text(users_prefix, n); }

std::string event_uuid(uint64_t n) { return uuid_text(events_prefix, n); }

std::string seat_uuid(uint64_t n) { return uuid_text(seats_prefix, n); }

std::string access_token(uint64_t user, std::string_view secret, int64_t iat) {
  static const auto header = base64url(R"({"alg":"HS256","typ":"JWT"})");
  auto id = user_uuid(user);
  auto claims = R"({"sub":")" + id + R"(","userId":")" + id + R"(","email":"user)" +
                std::to_string(user) + R"(@bench.test","role":"user","type":"access","iat":)" +
                std::to_string(iat) + R"(,"exp":)" + std::to_string(iat + 3600) + "}";
  auto text = header + "." + base64url(claims);
  auto mac = std::array<unsigned char, EVP_MAX_MD_SIZE>();
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &size);
  return text + "." + base64url({reinterpret_cast<char*>(mac.data()), size});
}

std::string reserve_request(std::string_view token, uint64_t event, uint64_t seat) {
  auto body =
    R"({"eventId":")" + event_uuid(event) + R"(","seatIds":[")" + seat_uuid(seat) + R"("]})";
  std::string out = "POST /api/v1/seats/reserve HTTP/1.1\r\n";
  out += host;
  out += "Authorization: Bearer ";
  out += token;
  out += "\r\nContent-Type: application/json\r\nContent-Length: ";
  out += std::to_string(body.size()) + "\r\n\r\n" + body;
  return out;
}

std::string get_request(std::string_view path, bool gzip) {
  std::string out = "GET " + std::string(path) + " HTTP/1.1\r\n" + std::string(host);
  if (gzip) out += "Accept-Encoding: gzip\r\n";
  return out + "\r\n";
}

// -- shop
// ------------------------------------------------------------------------------------------

namespace {

std::string part_of(const std::string& conninfo, const std::string& name) {
  auto at = conninfo.find(name + "=");
  if (at == std::string::npos) throw std::runtime_error("TIKETI_TEST_PG has no " + name);
  at += name.size() + 1;
  return conninfo.substr(at, conninfo.find(' ', at) - at);
}

std::string new_folder() {
  auto name = std::string("/tmp/tiketi-bench.XXXXXX");
  if (!mkdtemp(name.data())) throw std::runtime_error("cannot make a folder in /tmp");
  return name;
}

pid_t first_line_pid(const std::string& path) {
  auto in = std::ifstream(path);
  pid_t pid = 0;
  in >> pid;
  return pid;
}

} // namespace

shop::shop(std::string admin, std::string data, std::string node, std::string constant_server)
    : admin_(std::move(admin)),
      node_program_(std::move(node)),
      constant_program_(std::move(constant_server)),
      postgres_(first_line_pid(data + "/postmaster.pid")),
      iat_(std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
             .count()) {
  // Not base64, so the server uses the bytes as they are (contract 1.2).
  secret_ = "tiketi-bench: nobody's secret, long enough!";
  socket_ = part_of(admin_, "host");
  url_ = "host=" + socket_ + " port=" + part_of(admin_, "port") + " dbname=tiketi_bench";
  folder_ = new_folder();
  auto first = database(admin_);
  first.execute("DROP DATABASE IF EXISTS tiketi_bench");
  if (first.value("SELECT 1 FROM pg_roles WHERE rolname = 'tiketi_migrate'").empty())
    first.execute("CREATE ROLE tiketi_migrate LOGIN CREATEROLE IN ROLE pg_read_server_files");
  first.execute("CREATE DATABASE tiketi_bench OWNER tiketi_migrate");
  run({node_program_, "migrate"}, environment(), folder_ + "/migrate.log");
  sql_ = std::make_unique<database>(url_ + " user=postgres");
}

shop::shop(made, const shop& like, const std::string& database_name)
    : admin_(like.admin_),
      node_program_(like.node_program_),
      constant_program_(like.constant_program_),
      folder_(new_folder()),
      url_(like.url_.substr(0, like.url_.rfind('=') + 1) + database_name),
      socket_(like.socket_),
      secret_(like.secret_),
      postgres_(like.postgres_),
      extra_(like.extra_),
      iat_(like.iat_),
      sql_(std::make_unique<database>(url_ + " user=postgres")) {}

std::unique_ptr<shop> shop::twin() {
  // A template must have no connection.
  sql_.reset();
  {
    auto admin = database(admin_);
    admin.execute("DROP DATABASE IF EXISTS tiketi_bench_twin");
    admin.execute("CREATE DATABASE tiketi_bench_twin OWNER tiketi_migrate TEMPLATE tiketi_bench "
                  "STRATEGY file_copy");
  }
  sql_ = std::make_unique<database>(url_ + " user=postgres");
  return std::unique_ptr<shop>(new shop(made{}, *this, "tiketi_bench_twin"));
}

shop::~shop() {
  node_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void shop::set(const std::string& name, const std::string& value) {
  if (value.empty()) extra_.erase(name);
  else extra_[name] = value;
}

std::map<std::string, std::string> shop::environment() const {
  auto out = std::map<std::string, std::string>{
    {"DATABASE_URL", url_},
    {"PGUSER", "postgres"},
    {"JWT_SECRET", secret_},
    {"QUEUE_ENTRY_TOKEN_SECRET", secret_},
    {"TIKETI_ADMIN_EMAIL", "admin@bench.test"},
    {"TIKETI_ADMIN_PASSWORD", "bench-Admin-1234"},
    {"TIKETI_PII_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="},
    {"TIKETI_PII_LOOKUP_KEY", "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA="},
    {"TIKETI_TICKET_KEY", "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQE="},
    {"TIKETI_CONFIG_DIR", TIKETI_SOURCE_DIR "/cluster-config"},
    {"TIKETI_PROFILE", "laptop"},
    {"ENTRY_GATE", "off"},
    {"COOKIE_SECURE", "false"},
    {"RESERVATION_TTL_SECONDS", "3600"}};
  for (auto& [name, value] : extra_) out[name] = value;
  return out;
}

void shop::add_users(uint64_t first, uint64_t count) {
  auto range = std::to_string(first) + ", " + std::to_string(first + count - 1);
  sql_->execute("INSERT INTO users (id, email_cipher, email_lookup, password_hash, name_cipher) "
                "SELECT " +
                uuid_sql(users_prefix, "g") +
                ", 'x'::bytea, "
                "('bench ' || g)::bytea, '!', 'x'::bytea FROM generate_series(" +
                range + ") g");
}

void shop::add_event(uint64_t event, uint64_t first_seat, uint64_t seats) {
  auto count = std::to_string(seats);
  auto rows = std::to_string((seats + 99) / 100);
  sql_->execute(
    "INSERT INTO seat_layouts (name, description, total_seats, layout_config) VALUES ('bench " +
    count + "', NULL, " + count + R"(, '{"sections": [{"name": "A", "rows": )" + rows +
    R"(, "seatsPerRow": 100, "price": 50000, "startRow": 1}]}') ON CONFLICT DO NOTHING)");
  sql_->execute(
    "INSERT INTO events (id, title, venue, event_date, sale_start_date, sale_end_date, status, "
    "seat_layout_id) SELECT '" +
    event_uuid(event) + "', 'Bench " + std::to_string(event) +
    "', 'Hall', now() + interval '60 days', now() - interval '3 days', now() + interval '50 days', "
    "'on_sale', id FROM seat_layouts WHERE name = 'bench " +
    count + "'");
  sql_->execute(
    "INSERT INTO seats (id, event_id, block_no, section, row_number, seat_number, seat_label, "
    "price) SELECT " +
    uuid_sql(seats_prefix, "g + " + std::to_string(first_seat)) + ", '" + event_uuid(event) +
    "', g / 500, 'A', g / 100 + 1, g % 100 + 1, 'A-' || g / 100 + 1 || '-' || "
    "g % 100 + 1, 50000 FROM generate_series(0, " +
    std::to_string(seats - 1) + ") g");
}

void shop::settle() {
  sql_->execute("VACUUM ANALYZE");
  sql_->execute("CHECKPOINT");
}

double shop::start_node() {
  auto begin = std::chrono::steady_clock::now();
  auto node = start_beside({});
  node_ = std::move(node.process);
  port_ = node.port;
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

shop::server shop::start_beside(const std::map<std::string, std::string>& more) {
  constexpr auto patience = std::chrono::seconds{60};
  auto out = server{free_port(), nullptr};
  auto env = environment();
  env["PORT"] = std::to_string(out.port);
  for (auto& [name, value] : more) env[name] = value;
  auto log = folder_ + "/node-" + std::to_string(out.port) + ".log";
  out.process = std::make_unique<child>(std::vector<std::string>{node_program_, "run"}, env, log);
  auto ready = get_request("/actuator/health/readiness", false);
  auto end = std::chrono::steady_clock::now() + patience;
  while (status_of(out.port, ready, std::chrono::seconds{1}) != 200) {
    if (!out.process->running() || std::chrono::steady_clock::now() > end) {
      auto text = std::ifstream(log);
      throw std::runtime_error("the node did not get ready:\n" +
                               std::string(std::istreambuf_iterator<char>(text), {}));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return out;
}

std::string shop::token(uint64_t n) const { return access_token(n, secret_, iat_); }

shop::server shop::start_program(const std::string& program, const std::string& argument,
                                 const std::string& log) {
  auto port = free_port();
  auto process =
    std::make_unique<child>(std::vector<std::string>{program, std::to_string(port), argument},
                            std::map<std::string, std::string>{}, folder_ + "/" + log);
  if (!wait_for_port(port, 10)) throw std::runtime_error(program + " did not start");
  return {port, std::move(process)};
}

shop::server shop::start_constant(size_t bytes) {
  return start_program(constant_program_, std::to_string(bytes), "constant.log");
}

shop::server shop::start_toss(int delay_ms) {
  auto beside = std::filesystem::path{constant_program_}.parent_path() / "toss-server";
  return start_program(beside.string(), std::to_string(delay_ms), "toss.log");
}

} // namespace tk::bench
