#define CAF_SUITE node_config

#include "node/config.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "caf/test/dsl.hpp"

#include "node/app.hpp"

using namespace tk;

namespace {

struct fake_environment : environment {
  std::map<std::string, std::string, std::less<>> values;
  [[nodiscard]] const char* get(std::string_view name) const override {
    auto i = values.find(name);
    return i == values.end() ? nullptr : i->second.c_str();
  }
  [[nodiscard]] std::vector<std::string> names() const override {
    std::vector<std::string> out;
    out.reserve(values.size());
    for (auto& [name, value] : values) out.push_back(name);
    return out;
  }
};

/// What libpq sees besides its string, for as long as this lives.
class process_variable {
public:
  process_variable(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  process_variable(const process_variable&) = delete;
  process_variable& operator=(const process_variable&) = delete;
  ~process_variable() { unsetenv(name_); }

private:
  const char* name_;
};

struct fixture {
  fixture() {
    for (auto* name : {"PGHOST", "PGHOSTADDR", "PGSSLMODE", "PGSERVICE"}) unsetenv(name);
    std::filesystem::create_directories(dir);
    write("");
    env.values = {{"TIKETI_PROFILE", "probe"},
                  {"DATABASE_URL", "host=/nowhere"},
                  {"JWT_SECRET", std::string(48, 's')},
                  {"QUEUE_ENTRY_TOKEN_SECRET", std::string(48, 'q')},
                  {"TIKETI_PII_KEY", std::string(43, 'A') + "="},
                  {"TIKETI_PII_LOOKUP_KEY", std::string(42, 'B') + "A="},
                  {"TIKETI_TICKET_KEY", std::string(42, 'C') + "A="}};
  }
  ~fixture() { std::filesystem::remove_all(dir); }

  void write(const std::string& text) { std::ofstream{dir + "/probe.conf"} << text; }

  /// With what a shop in production has.
  void become_production() {
    env.values["TIKETI_ENV"] = "production";
    env.values["PAYMENT_PROVIDERS"] = "";
    env.values["CORS_ALLOWED_ORIGINS"] = "https://shop.example";
  }

  std::string error() {
    auto config = load_config(env, dir);
    return config ? std::string{} : config.error();
  }

  bool refuses(std::string_view with) {
    auto text = error();
    CAF_MESSAGE(text);
    return text.find(with) != std::string::npos && text.find('\n') == std::string::npos;
  }

  std::string dir = std::filesystem::temp_directory_path() / "tiketi-config-test";
  fake_environment env;
};

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (auto x : parts) out += x;
  return out;
}

std::string contents_of(const std::string& file) {
  std::ifstream in{std::string{TIKETI_SOURCE_DIR "/"} + file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// As a profile spells it.
std::string key_of(std::string_view option) {
  std::string out{option};
  for (auto& c : out)
    c = c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(node_config_tests, fixture)

CAF_TEST(defaults and environment make a valid configuration) {
  auto config = load_config(env, dir);
  CAF_REQUIRE(config.has_value());
  CAF_CHECK_EQUAL(config->number("RESERVATION_TTL_SECONDS"), 300);
  CAF_CHECK_EQUAL(config->number("PORT"), 3001);
  CAF_CHECK(config->flag("COOKIE_SECURE"));
}

CAF_TEST(the environment wins over the file and the file over the default) {
  write("reservation-ttl-seconds = 60 # a comment\nport=4000\n");
  env.values["PORT"] = "5000";
  auto config = load_config(env, dir);
  CAF_REQUIRE(config.has_value());
  CAF_CHECK_EQUAL(config->number("RESERVATION_TTL_SECONDS"), 60);
  CAF_CHECK_EQUAL(config->number("PORT"), 5000);
  CAF_CHECK_EQUAL(config->values.find("PORT")->second.origin, "environment");
}

CAF_TEST(what is wrong is named in one line) {
  env.values["JWT_SECRET"] = "short";
  CAF_CHECK(refuses("JWT_SECRET (environment): must have at least 32 bytes"));
  env.values["JWT_SECRET"] = std::string(48, 's');
  env.values["PORT"] = "70000";
  CAF_CHECK(refuses("PORT (environment): must be a whole number from 0 to 65535"));
  env.values["PORT"] = "12x";
  CAF_CHECK(refuses("PORT"));
  env.values.erase("PORT");
  env.values["COOKIE_SECURE"] = "perhaps";
  CAF_CHECK(refuses("COOKIE_SECURE (environment): must be on or off"));
  env.values.erase("COOKIE_SECURE");
  env.values.erase("DATABASE_URL");
  CAF_CHECK(refuses("DATABASE_URL (default): is required"));
  env.values["DATABASE_URL"] = "host=/nowhere";
  env.values["TRUSTED_PROXIES"] = "10.0.0.0/8, proxy.example";
  CAF_CHECK(refuses("TRUSTED_PROXIES: `proxy.example` must be an address"));
  env.values["TRUSTED_PROXIES"] = "10.0.0.0/8, ::1";
  CAF_CHECK(error().empty());
}

CAF_TEST(unknown and repeated keys and unknown profiles are refused) {
  write("\nrezervation-ttl = 3\n");
  CAF_CHECK(refuses("probe.conf:2: unknown key `rezervation-ttl`"));
  write("port = 1\nport = 2\n");
  CAF_CHECK(refuses("probe.conf:2: `port` was set before"));
  write("port\n");
  CAF_CHECK(refuses("expected `key = value`"));
  write("");
  env.values["TIKETI_PORT"] = "1";
  CAF_CHECK(refuses("TIKETI_PORT (environment): unknown option"));
  env.values.erase("TIKETI_PORT");
  env.values["TIKETI_PROFILE"] = "desert";
  CAF_CHECK(refuses("TIKETI_PROFILE: cannot read"));
  env.values["TIKETI_PROFILE"] = "../probe";
  CAF_CHECK(refuses("must be a name"));
}

CAF_TEST(every option is explained in the profile and in the documents with its default) {
  auto profile = contents_of("cluster-config/laptop.conf");
  auto page = contents_of("docs/configuration.md");
  for (auto& x : all_options()) {
    std::string name{x.name}, fallback{x.fallback}, meaning{x.meaning};
    CAF_MESSAGE(name);
    auto value = fallback.empty() ? "" : " " + fallback;
    auto means = joined({"\n# ", meaning, x.required ? "; required" : "", "\n"});
    auto shown = profile.find(joined({means, "# ", key_of(name), " =", value, "\n"}));
    auto differs = profile.find(joined({means, key_of(name), " = "}));
    CAF_CHECK((shown != std::string::npos) != (differs != std::string::npos));
    auto told = x.required ? "required" : fallback.empty() ? "" : "`" + fallback + "`";
    auto row = joined({"| `", name, "` | ", told, " | ", meaning, " |\n"});
    CAF_CHECK(page.find(row) != std::string::npos);
  }
}

CAF_TEST(origins that no browser sends are refused) {
  for (auto* origin :
       {"*", "http://localhost:3000/", "shop.example", "https://", "https://*.x.y"}) {
    env.values["CORS_ALLOWED_ORIGINS"] = origin;
    CAF_CHECK(refuses("CORS_ALLOWED_ORIGINS: `"));
  }
  env.values["CORS_ALLOWED_ORIGINS"] = "https://shop.example,http://localhost:3000";
  CAF_CHECK_EQUAL(error(), "");
}

CAF_TEST(rooms that would let nobody in are refused) {
  env.values["QUEUE_ADMISSION_INTERVAL_MS"] = "60000";
  env.values["QUEUE_ADMISSION_BATCH_SIZE"] = "59";
  CAF_CHECK(refuses("QUEUE_ADMISSION_BATCH_SIZE: "));
  env.values["QUEUE_ADMISSION_BATCH_SIZE"] = "60";
  CAF_CHECK_EQUAL(error(), "");
}

CAF_TEST(more than a round can let in is refused) {
  env.values["QUEUE_ADMISSION_BATCH_SIZE"] = "1001";
  CAF_CHECK(refuses("QUEUE_ADMISSION_BATCH_SIZE (environment): "));
  env.values["QUEUE_ADMISSION_BATCH_SIZE"] = "1000";
  CAF_CHECK_EQUAL(error(), "");
}

CAF_TEST(marks of events that can still be told again are not forgotten) {
  env.values["PROCESSED_EVENTS_RETENTION_DAYS"] = "7";
  CAF_CHECK(refuses("PROCESSED_EVENTS_RETENTION_DAYS: must be at least 8"));
  env.values["OUTBOX_RETENTION_DAYS"] = "6";
  CAF_CHECK(load_config(env, dir).has_value());
  env.values["OUTBOX_RETENTION_DAYS"] = "40";
  env.values.erase("PROCESSED_EVENTS_RETENTION_DAYS");
  CAF_CHECK(refuses("PROCESSED_EVENTS_RETENTION_DAYS: must be at least 41"));
}

CAF_TEST(a way to Kafka is whole or refused) {
  env.values["KAFKA_BROKERS"] = "kafka.example:9092";
  CAF_CHECK(load_config(env, dir).has_value());
  env.values["KAFKA_SECURITY_PROTOCOL"] = "tls";
  CAF_CHECK(refuses("KAFKA_SECURITY_PROTOCOL: must be"));
  env.values["KAFKA_SECURITY_PROTOCOL"] = "sasl_ssl";
  CAF_CHECK(refuses("KAFKA_SASL_USERNAME: sasl_ssl needs it"));
  env.values["KAFKA_SASL_USERNAME"] = "tiketi";
  env.values["KAFKA_SASL_PASSWORD"] = "secret";
  CAF_CHECK(load_config(env, dir).has_value());
  env.values["KAFKA_SASL_MECHANISM"] = "MAGIC";
  CAF_CHECK(refuses("KAFKA_SASL_MECHANISM: must be"));
  env.values.erase("KAFKA_SASL_MECHANISM");
  env.values["KAFKA_MIN_INSYNC_REPLICAS"] = "2";
  CAF_CHECK(refuses("KAFKA_MIN_INSYNC_REPLICAS: cannot be more"));
  env.values.erase("KAFKA_MIN_INSYNC_REPLICAS");
  env.values["PROCESSED_EVENTS_RETENTION_DAYS"] = "14"; // As long as dead letters.
  CAF_CHECK(refuses("PROCESSED_EVENTS_RETENTION_DAYS: must be at least 15"));
}

CAF_TEST(S27 without certificates links stay on the loopback) {
  env.values["CLUSTER_LISTEN"] = "0.0.0.0:3301";
  CAF_CHECK(refuses("CLUSTER_CERTIFICATE: nodes that can be reached"));
  env.values["CLUSTER_LISTEN"] = "127.0.0.1:3301";
  CAF_CHECK_EQUAL(error(), "");
  env.values["CLUSTER_ADDRESS"] = "node-1.shop.example:3301";
  CAF_CHECK(refuses("CLUSTER_CERTIFICATE: nodes that can be reached"));
  env.values["CLUSTER_CERTIFICATE"] = "/nowhere/node.pem";
  CAF_CHECK(refuses("CLUSTER_CERTIFICATE: "));
}

CAF_TEST(addresses of links need a port) {
  for (auto* wrong : {"127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000", ":"}) {
    env.values["CLUSTER_LISTEN"] = wrong;
    CAF_CHECK(refuses("CLUSTER_LISTEN: must be host:port"));
  }
  env.values["CLUSTER_LISTEN"] = "[::1]:3301";
  CAF_CHECK_EQUAL(error(), "");
  env.values["CLUSTER_ADDRESS"] = "somewhere";
  CAF_CHECK(refuses("CLUSTER_ADDRESS: must be host:port"));
}

CAF_TEST(the profiles that are shipped are valid) {
  for (auto* name : {"laptop", "load", "cluster", "production"}) {
    env.values["TIKETI_PROFILE"] = name;
    auto config = load_config(env, TIKETI_SOURCE_DIR "/cluster-config");
    CAF_CHECK(config.has_value());
  }
}

CAF_TEST(secrets are masked and decoded by one rule) {
  auto config = load_config(env, dir);
  CAF_REQUIRE(config.has_value());
  CAF_CHECK(config->describe().find("ssss") == std::string::npos);
  CAF_CHECK_EQUAL(decode_secret("c2VjcmV0"), "secret");
  CAF_CHECK_EQUAL(decode_secret("not base64!"), "not base64!");
}

CAF_TEST(in production keys of an identity provider come over https) {
  env.values["GOOGLE_CLIENT_ID"] = "id";
  env.values["GOOGLE_JWKS_URL"] = "http://127.0.0.1:1/certs";
  CAF_CHECK_EQUAL(error(), "");
  become_production();
  CAF_CHECK(refuses("GOOGLE_JWKS_URL"));
  env.values.erase("GOOGLE_JWKS_URL");
  CAF_CHECK_EQUAL(error(), "");
}

CAF_TEST(S38 production refuses payments that are not real) {
  become_production();
  env.values["PAYMENT_PROVIDERS"] = "mock";
  CAF_CHECK(refuses("mock moves no real money"));
  env.values["PAYMENT_PROVIDERS"] = "cash";
  CAF_CHECK(refuses("PAYMENT_PROVIDERS"));
  env.values["PAYMENT_PROVIDERS"] = "";
  env.values["TOSS_CLIENT_KEY"] = "test_ck_dummy";
  CAF_CHECK(refuses("TOSS_CLIENT_KEY: production refuses keys for tests"));
  env.values["TOSS_CLIENT_KEY"] = "live_ck_1";
  CAF_CHECK_EQUAL(error(), "");
  env.values["PAYMENT_PROVIDERS"] = "toss";
  CAF_CHECK(refuses("TOSS_SECRET_KEY: is required"));
  env.values["TOSS_SECRET_KEY"] = "test_sk_1";
  CAF_CHECK(refuses("TOSS_SECRET_KEY: production refuses keys for tests"));
  env.values["TOSS_SECRET_KEY"] = "live_sk_1";
  CAF_CHECK_EQUAL(error(), "");
  env.values["TOSS_BASE_URL"] = "http://127.0.0.1:1";
  CAF_CHECK(refuses("TOSS_BASE_URL: production pays over https only"));
  env.values.erase("TOSS_BASE_URL");
  env.values["TIKETI_ENV"] = "prod";
  CAF_CHECK(refuses("TIKETI_ENV"));
}

CAF_TEST(G38 production tells events over TLS and keeps three copies) {
  become_production();
  CAF_CHECK_EQUAL(error(), "");
  env.values["KAFKA_BROKERS"] = "kafka.example:9092";
  env.values["KAFKA_SASL_USERNAME"] = "tiketi";
  env.values["KAFKA_SASL_PASSWORD"] = "secret";
  env.values["KAFKA_SECURITY_PROTOCOL"] = "sasl_ssl";
  env.values["KAFKA_TOPIC_REPLICATION_FACTOR"] = "3";
  env.values["KAFKA_MIN_INSYNC_REPLICAS"] = "2";
  CAF_CHECK_EQUAL(error(), "");
  const std::vector<std::pair<const char*, const char*>> wrong = {
    {"KAFKA_SECURITY_PROTOCOL", "plaintext"},
    {"KAFKA_SECURITY_PROTOCOL", "ssl"},
    {"KAFKA_TOPIC_REPLICATION_FACTOR", "2"},
    {"KAFKA_MIN_INSYNC_REPLICAS", "1"}};
  for (auto& [name, value] : wrong) {
    auto fine = env.values[name];
    env.values[name] = value;
    CAF_CHECK(refuses(name));
    env.values[name] = fine;
  }
}

CAF_TEST(G04 money and secrets travel over https) {
  env.values["PAYMENT_PROVIDERS"] = "toss, mock";
  env.values["TOSS_SECRET_KEY"] = "test_sk_1";
  CAF_CHECK_EQUAL(error(), "");
  for (auto* url : {"http://127.0.0.1:8080", "http://localhost", "https://toss.example"}) {
    env.values["TOSS_BASE_URL"] = url;
    CAF_CHECK_EQUAL(error(), "");
  }
  for (auto* url : {"http://toss.example", "http://127.0.0.1.toss.example", "https://",
                    "toss.example", "https://toss.example/", "ftp://127.0.0.1", ""}) {
    env.values["TOSS_BASE_URL"] = url;
    CAF_CHECK(refuses("TOSS_BASE_URL"));
  }
  env.values.erase("TOSS_BASE_URL");
  env.values["PAYMENT_PROVIDERS"] = "portone";
  for (auto* name : {"PORTONE_STORE_ID", "PORTONE_CHANNEL_KEY", "PORTONE_API_SECRET",
                     "PORTONE_WEBHOOK_SECRET"}) {
    CAF_CHECK(refuses(std::string{name} + ": is required"));
    env.values[name] = "whsec_MDEyMzQ1Njc4OWFiY2RlZg";
  }
  CAF_CHECK_EQUAL(error(), "");
  env.values["PORTONE_STORE_ID"] = "a&b";
  CAF_CHECK(refuses("PORTONE_STORE_ID"));
  env.values["PORTONE_STORE_ID"] = "store-1";
  env.values["PORTONE_BASE_URL"] = "http://portone.example";
  CAF_CHECK(refuses("PORTONE_BASE_URL"));
  env.values.erase("PORTONE_BASE_URL");
  env.values["PAYMENT_PROVIDERS"] = "mock,toss,mock";
  CAF_CHECK(refuses("is there twice"));
  env.values["TOSS_WEBHOOK_SECRET"] = "short";
  CAF_CHECK(refuses("TOSS_WEBHOOK_SECRET"));
}

CAF_TEST(production refuses what only laptops and load generators may have) {
  const std::vector<std::pair<const char*, const char*>> wrong = {
    {"COOKIE_SECURE", "off"},        {"CORS_ALLOWED_ORIGINS", "http://localhost:3000"},
    {"RATE_LIMIT_AUTH_RPM", "0"},    {"RATE_LIMIT_BOOKING_RPM", "0"},
    {"RATE_LIMIT_GENERAL_RPM", "0"}, {"LOGIN_FAILURES_MAX", "0"},
    {"PASSWORD_HASH_COST", "9"},     {"QUEUE_ALLOW_ANONYMOUS", "on"},
    {"SEAT_LIST_ROTATION", "on"},    {"DATABASE_URL", "host=db.example dbname=tiketi"},
  };
  for (auto& [name, value] : wrong) {
    become_production();
    CAF_CHECK_EQUAL(error(), "");
    auto before = env.values;
    env.values[name] = value;
    CAF_MESSAGE(name);
    CAF_CHECK(error().starts_with(name));
    env.values["TIKETI_ENV"] = "development";
    CAF_CHECK_EQUAL(error(), "");
    env.values = before;
  }
}

CAF_TEST(S29 in production the database is on this machine or behind TLS) {
  become_production();
  for (auto* fine :
       {"host=/run/postgresql dbname=tiketi", "dbname=tiketi", "host=127.0.0.1 port=5432",
        "host=localhost", "host=/a,/b", "host=db.example sslmode=verify-full sslrootcert=/ca.pem",
        "host = db.example sslmode = 'verify-full'",
        "postgresql://db.example/tiketi?sslmode=verify-full"}) {
    env.values["DATABASE_URL"] = fine;
    CAF_MESSAGE(fine);
    CAF_CHECK_EQUAL(error(), "");
  }
  for (auto* open :
       {"host=db.example", "host=db.example sslmode=require", "host=/run/postgresql,db.example",
        "hostaddr=10.0.0.1", "postgresql://db.example/tiketi", "dbname=x host = 10.0.0.1",
        "host=db.example options=sslmode=verify-full", "host=127.evil.example.com dbname=x",
        "host=/run/postgresql hostaddr=10.0.0.1", "host=localhost.example",
        "host=127.0.0.1,10.0.0.1", "host=db.example.com sslmode=verify-full sslmode=disable",
        "postgresql://db.example.com/x?sslmode=disable&application_name=sslmode%3Dverify-full",
        "postgresql:///x?host=db.example.com"}) {
    env.values["DATABASE_URL"] = open;
    CAF_MESSAGE(open);
    CAF_CHECK(refuses("DATABASE_URL: production reaches another machine over TLS only"));
  }
  env.values["DATABASE_URL"] = "service=prod";
  CAF_CHECK(refuses("DATABASE_URL: production wants to see where it leads"));
  for (auto* nonsense :
       {"postgresql://db.example.com/x?sslmode=disable&application_name=sslmode=verify-full",
        "host", "host=x hots=y password=secret", "postgresql://[/x"}) {
    env.values["DATABASE_URL"] = nonsense;
    CAF_CHECK(refuses("DATABASE_URL: libpq cannot read it"));
    CAF_CHECK(!refuses("secret"));
  }
}

CAF_TEST(S29 what libpq adds to the address by itself counts in production) {
  become_production();
  env.values["DATABASE_URL"] = "dbname=x";
  CAF_CHECK_EQUAL(error(), "");
  for (auto* name : {"PGHOST", "PGHOSTADDR"}) {
    const process_variable there(name, "10.0.0.1");
    CAF_CHECK(refuses("DATABASE_URL: production reaches another machine over TLS only"));
    const process_variable safe("PGSSLMODE", "verify-full");
    CAF_CHECK_EQUAL(error(), "");
  }
  const process_variable service("PGSERVICE", "prod");
  CAF_CHECK(refuses("DATABASE_URL: "));
}

CAF_TEST(a role is added to an address in either form) {
  auto of = [&](const char* url) {
    env.values["DATABASE_URL"] = url;
    return conninfo_for(*load_config(env, dir), "tiketi_read");
  };
  CAF_CHECK_EQUAL(of("host=/a dbname=b"),
                  "host=/a dbname=b user=tiketi_read application_name=tiketi");
  CAF_CHECK_EQUAL(of("postgresql://h/b"),
                  "postgresql://h/b?user=tiketi_read&application_name=tiketi");
  CAF_CHECK_EQUAL(of("postgres://h/b?sslmode=verify-full"),
                  "postgres://h/b?sslmode=verify-full&user=tiketi_read&application_name=tiketi");
}

CAF_TEST(in production the listener of operators is on the loopback) {
  become_production();
  env.values["OPERATOR_TOKENS"] = "ann:reader:" + std::string(64, 'a');
  env.values["OPERATOR_ADDRESS"] = "0.0.0.0";
  CAF_CHECK_EQUAL(error(), ""); // There is none.
  env.values["OPERATOR_PORT"] = "0";
  for (auto* open : {"0.0.0.0", "::", "10.0.0.1", "127.example", "", "localhost.example"}) {
    env.values["OPERATOR_ADDRESS"] = open;
    CAF_CHECK(refuses("OPERATOR_ADDRESS: the operators' listener speaks plain HTTP"));
  }
  for (auto* own : {"127.0.0.1", "127.0.0.9", "::1", "localhost"}) {
    env.values["OPERATOR_ADDRESS"] = own;
    CAF_CHECK_EQUAL(error(), "");
  }
}

CAF_TEST(buyers and operators have a port each) {
  env.values["OPERATOR_TOKENS"] = "ann:reader:" + std::string(64, 'a');
  env.values["OPERATOR_PORT"] = "3001"; // As PORT by itself.
  CAF_CHECK(refuses("OPERATOR_PORT: must be another one than PORT"));
  env.values["PORT"] = "3002";
  CAF_CHECK_EQUAL(error(), "");
  env.values["PORT"] = env.values["OPERATOR_PORT"] = "0"; // Free ones are two.
  CAF_CHECK_EQUAL(error(), "");
}

CAF_TEST(in production a node of a cluster keeps its id) {
  env.values["CLUSTER_LISTEN"] = "127.0.0.1:3301";
  CAF_CHECK_EQUAL(error(), "");
  become_production();
  CAF_CHECK(refuses("TIKETI_NODE_ID: a node of a cluster in production keeps its id"));
  env.values["TIKETI_NODE_ID"] = "6f0e4b1c-0000-4000-8000-000000000001";
  CAF_CHECK_EQUAL(error(), "");
}

CAF_TEST(the profile production is for production) {
  env.values["TIKETI_PROFILE"] = "production";
  auto shipped = load_config(env, TIKETI_SOURCE_DIR "/cluster-config");
  CAF_REQUIRE(shipped.has_value());
  CAF_CHECK_EQUAL(shipped->text("TIKETI_ENV"), "production");
  env.values["TIKETI_ENV"] = "development";
  auto mixed = load_config(env, TIKETI_SOURCE_DIR "/cluster-config");
  CAF_REQUIRE(!mixed.has_value());
  CAF_CHECK(mixed.error().starts_with("TIKETI_ENV: "));
}

CAF_TEST(former keys of tickets are public keys) {
  env.values["TIKETI_TICKET_KEYS_PREVIOUS"] = std::string(43, 'A') + ", " + std::string(43, 'B');
  CAF_CHECK(refuses("is no key")); // Bits beyond the 32nd byte.
  env.values["TIKETI_TICKET_KEYS_PREVIOUS"] =
    std::string(43, 'A') + "," + std::string(42, 'Q') + "A";
  CAF_CHECK_EQUAL(error(), "");
  env.values["TIKETI_TICKET_KEY"] = std::string(31, 's');
  CAF_CHECK(refuses("must have exactly 32 bytes"));
}

CAF_TEST_FIXTURE_SCOPE_END()
