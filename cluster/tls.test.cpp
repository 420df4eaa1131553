#define CAF_SUITE tls

#include "cluster/tls.hpp"

#include <chrono>

#include <caf/test/dsl.hpp>

#include "cluster/certificates.test.hpp"

using namespace tk::cluster;
using namespace tk::cluster::test;

namespace {

/// Two sessions that hear each other.
struct pair {
  tls_session asks, answers;
  std::vector<char> heard_by_asker, heard_by_answerer;

  pair(const tls_context& a, const tls_context& b, const std::string& host)
      : asks(a, tls_side::asks, host), answers(b, tls_side::answers) {
    // nop
  }
  /// Until nobody has anything to say; false when either gave up.
  bool talk() {
    bool ok = true;
    for (int i = 0; i < 20 && ok; ++i) {
      ok = hand_over(asks, answers, heard_by_answerer);
      ok = hand_over(answers, asks, heard_by_asker) && ok;
    }
    return ok;
  }
  static bool hand_over(tls_session& from, tls_session& to, std::vector<char>& heard) {
    std::vector<char> bytes;
    from.take(bytes);
    return to.error().empty() && (bytes.empty() || to.feed(bytes, heard));
  }
};

std::string text(const std::vector<char>& x) { return {x.begin(), x.end()}; }

struct fixture {
  authority ours;
  tls_context one = load(ours.make("127.0.0.1")), two = load(ours.make("node2.example"));
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(tls_tests, fixture)

CAF_TEST(a certificate says when it ends) {
  auto three = load(ours.make("node3.example", "CERTIFICATE_DAYS=3"));
  auto now = std::chrono::time_point_cast<tk::millis>(std::chrono::system_clock::now());
  constexpr std::chrono::hours day{24};
  CAF_CHECK(three.ends_at() > now + 2 * day && three.ends_at() <= now + 3 * day);
  CAF_CHECK(one.ends_at() > now + 29 * day && one.ends_at() <= now + 30 * day);
  // One that outlives its authority is worth nothing afterwards.
  auto four = load(ours.make("node4.example", "CERTIFICATE_DAYS=7300"));
  CAF_CHECK(four.ends_at() > now + 3600 * day && four.ends_at() <= now + 3650 * day);
}

CAF_TEST(two nodes of one authority speak) {
  pair x(one, two, "node2.example");
  x.asks.say(std::string_view{"early"}); // Before anything is known of the other.
  CAF_CHECK(x.talk());
  CAF_CHECK(x.asks.established() && x.answers.established());
  x.answers.say(std::string_view{"late"});
  CAF_CHECK(x.talk());
  CAF_CHECK_EQUAL(text(x.heard_by_answerer), "early");
  CAF_CHECK_EQUAL(text(x.heard_by_asker), "late");
  CAF_CHECK(x.answers.is_for("127.0.0.1"));
  CAF_CHECK(!x.answers.is_for("127.0.0.2"));
  CAF_CHECK(x.asks.is_for("node2.example") && !x.asks.is_for("node3.example"));
}

CAF_TEST(much is said at once) {
  pair x(one, two, "node2.example");
  std::string much(3 << 20, 'x');
  CAF_CHECK(x.asks.say(much));
  CAF_CHECK(x.talk());
  CAF_CHECK(text(x.heard_by_answerer) == much);
}

CAF_TEST(S27 a node behind another name is refused by who dialled) {
  pair x(one, two, "node3.example");
  CAF_CHECK(!x.talk());
  CAF_CHECK(!x.asks.established());
  CAF_CHECK(!x.asks.error().empty());
  CAF_CHECK_EQUAL(text(x.heard_by_answerer), "");
}

CAF_TEST(S27 a certificate of a foreign authority is refused both ways) {
  authority foreign;
  auto stranger = load(foreign.make("127.0.0.1"));
  pair x(stranger, two, "node2.example"), y(one, stranger, "127.0.0.1");
  CAF_CHECK(!x.talk());
  CAF_CHECK(!y.talk());
  CAF_CHECK(!x.answers.established());
  CAF_CHECK(!y.asks.established());
}

CAF_TEST(S27 whoever believes everybody but shows a foreign certificate is refused) {
  authority foreign;
  auto files = foreign.make("127.0.0.1");
  files.authority = ours.make("node4.example").authority;
  auto stranger = load(files);
  pair x(stranger, two, "node2.example");
  x.asks.say(std::string_view{"let me in"});
  CAF_CHECK(!x.talk());
  CAF_CHECK(!x.answers.established());
  CAF_CHECK(x.heard_by_answerer.empty());
}

CAF_TEST(S27 an expired certificate is refused) {
  auto late = load(ours.make("node5.example", "CERTIFICATE_DAYS=-1"));
  pair x(late, two, "node2.example"), y(one, late, "node5.example");
  CAF_CHECK(!x.talk());
  CAF_CHECK(!y.talk());
  CAF_CHECK(!x.answers.established());
  CAF_CHECK(!y.asks.established());
}

CAF_TEST(S27 an operators certificate is not a nodes) {
  auto person = load(ours.make("node6.example", "CERTIFICATE_ROLE=operator"));
  pair x(person, two, "node2.example"), y(one, person, "node6.example");
  CAF_CHECK(!x.talk());
  CAF_CHECK(!y.talk());
  CAF_CHECK(x.answers.error().find("not a node's") != std::string::npos);
  CAF_CHECK(y.asks.error().find("not a node's") != std::string::npos);
}

CAF_TEST(whoever does not speak TLS is refused) {
  tls_session x(one, tls_side::answers);
  std::vector<char> heard;
  CAF_CHECK(!x.feed(std::string_view{"GET / HTTP/1.1\r\nHost: x\r\n\r\n"}, heard));
  CAF_CHECK(heard.empty());
  CAF_CHECK(!x.error().empty());
}

CAF_TEST(files that do not fit together are refused in words) {
  auto a = ours.make("a.example"), b = ours.make("b.example");
  auto mixed = a;
  mixed.key = b.key;
  CAF_CHECK(tls_context::load(mixed).error().find("not the certificate's key") !=
            std::string::npos);
  auto gone = a;
  gone.certificate += ".not";
  CAF_CHECK(!tls_context::load(gone).has_value());
  gone = a;
  gone.authority = a.key;
  CAF_CHECK(!tls_context::load(gone).has_value());
}

CAF_TEST_FIXTURE_SCOPE_END()
