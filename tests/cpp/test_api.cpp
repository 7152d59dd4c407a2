/* What a C++ program relies on, beside the vectors: test_api CONFIG. */

#include <array>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <streambuf>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>
#if __has_include(<span>) && __cplusplus >= 202002L
#include <span>
#endif

#include "check.hpp"

#ifndef EXPECTED_AWS
#define EXPECTED_AWS 1
#endif

namespace {

using libvault::Buffer;
using libvault::BytesView;
using libvault::Context;
using libvault::Vault;

template <class Type>
constexpr bool moveOnly = std::is_nothrow_move_constructible_v<Type> && std::is_nothrow_move_assignable_v<Type> &&
                          !std::is_copy_constructible_v<Type> && !std::is_copy_assignable_v<Type>;

static_assert(moveOnly<Vault> && moveOnly<Context> && moveOnly<Buffer> && moveOnly<libvault::DataKey>);
static_assert(moveOnly<libvault::Encryptor> && moveOnly<libvault::Decryptor> && moveOnly<libvault::Reader>);
static_assert(std::is_nothrow_copy_constructible_v<libvault::Error>);
static_assert(!std::is_constructible_v<BytesView, std::nullptr_t>);
static_assert(!std::is_constructible_v<BytesView, std::vector<int>>);
static_assert(!std::is_constructible_v<libvault::WritableBytes, const std::vector<std::uint8_t> &>);

using kind_input = libvault::InputError;
using kind_policy = libvault::PolicyError;
using kind_key = libvault::KeyRefusedError;
using kind_unavailable = libvault::UnavailableError;
using kind_integrity = libvault::IntegrityError;
using kind_usage = libvault::UsageError;
using kind_internal = libvault::InternalError;

/// Every code of the table throws its own class, which is one of its kind.
void test_error_classes() {
#define ROW(CLASS, KIND, NUMBER)                                                                                     \
    static_assert(std::is_base_of_v<kind_##KIND, libvault::CLASS> && std::is_base_of_v<libvault::Error, kind_##KIND>); \
    CHECK(thrown<libvault::CLASS>([] { libvault::detail::raise(NUMBER, nullptr); }).code() == NUMBER);               \
    CHECK(std::string(thrown<libvault::CLASS>([] { libvault::detail::raise(NUMBER, nullptr); }).name()) == #CLASS);
#include "error_classes.inc"
#undef ROW
    thrown<libvault::Error>([] { libvault::detail::raise(999999, nullptr); });
}

void test_errors(const Vault &opened) {
    const auto refused = thrown<libvault::InvalidContext>([] { Context({{"organization_id", ""}}); });
    CHECK(refused.field() == "organization_id" && !refused.provider() && !refused.requestId());
    CHECK(std::string(refused.kind()) == "input" && !refused.retryable());
    const libvault::Error copy = refused;
    CHECK(copy.what() == std::string(refused.what()));

    const Buffer envelope = opened.encrypt("data", {{"organization_id", "org_1"}});
    thrown<libvault::ContextMismatch>([&] { opened.decrypt(envelope, {{"organization_id", "org_2"}}); });
    thrown<libvault::AuthenticationFailed>([&] { opened.decrypt(envelope, {{"organization_id", "org_1"}}, "aad"); });
    thrown<libvault::InvalidConfig>([] { Vault::open("/no/such/file"); });
    CHECK(thrown<libvault::InvalidConfig>([] { Vault::openToml("stoer = 'x'"); }).field() == "stoer");
    std::uint8_t output[1];
    const auto small = thrown<libvault::BufferTooSmall>([&] {
        opened.encryptInto("data", {{"organization_id", "org_1"}}, output);
    });
    CHECK(small.neededLength() == envelope.size());
}

/// Bytes in every form that C++ has for them.
void test_bytes(const Vault &opened) {
    const Context context{{"organization_id", "org_1"}};
    const std::string text = "bytes";
    const std::vector<std::uint8_t> vector(text.begin(), text.end());
    const std::array<std::byte, 5> array{std::byte{'b'}, std::byte{'y'}, std::byte{'t'}, std::byte{'e'}, std::byte{'s'}};
    const unsigned char plain[5] = {'b', 'y', 't', 'e', 's'};
    for (const BytesView view : {BytesView("bytes"), BytesView(text), BytesView(std::string_view(text)), BytesView(vector),
                                 BytesView(array), BytesView(plain), BytesView(text.data(), 5)}) {
        CHECK(view.size() == 5);
        CHECK(opened.decrypt(opened.encrypt(view, context, view), context, view).text() == text);
    }
    CHECK(opened.decrypt(opened.encrypt({}, context), context).empty());
#ifdef __cpp_lib_span
    const std::span<const std::byte> span(array);
    const Buffer envelope = opened.encrypt(span, context);
    const std::span<const std::uint8_t> made = envelope;
    CHECK(opened.decrypt(made, context).text() == text);
    std::array<std::byte, 100> memory;
    const std::span<std::byte> writable(memory);
    CHECK(opened.decryptInto(made, context, writable) == 5);
#endif
    std::vector<std::byte> output(opened.encryptedLengthLimit(text.size(), context));
    output.resize(opened.encryptInto(text, context, output));
    CHECK(libvault::decryptedLength(output) == 5);
    CHECK(opened.decryptInto(output, context, output) == 5);
    CHECK(std::memcmp(output.data(), "bytes", 5) == 0);
}

void test_contexts(const Vault &opened) {
    const std::map<std::string, std::string> items{{"user_id", "u1"}, {"organization_id", "org_1"}};
    const Buffer envelope = opened.encrypt("data", Context(items));
    CHECK(opened.decrypt(envelope, {{"organization_id", "org_1"}, {"user_id", "u1"}}).text() == "data");
    CHECK(opened.matchContext(Context(items)) == R"({"policy":"managed","bindings":[]})");
    CHECK(libvault::inspect(envelope).find(R"("purpose":"envelope")") != std::string::npos);
}

void test_data_keys(const Vault &opened) {
    const Context context{{"organization_id", "org_1"}};
    const libvault::DataKey made = opened.createDataKey(context);
    CHECK(made.key.size() == VAULT_DATA_KEY_LENGTH);
    CHECK(opened.decryptDataKey(made.bundle, context).key.text() == made.key.text());
    CHECK(opened.createDataKey(context).key.text() != made.key.text());
}

/// Moving leaves nothing behind that could be freed twice, and what is left behind fails cleanly.
void test_moves(const char *config) {
    Vault first = Vault::open(config);
    Context context{{"organization_id", "org_1"}};
    Buffer envelope = first.encrypt("data", context);
    Vault second = std::move(first);
    Buffer moved = std::move(envelope);
    CHECK(envelope.empty() && envelope.data() == nullptr);
    CHECK(second.decrypt(moved, context).text() == "data");
    thrown<libvault::InvalidArgument>([&] { first.encrypt("data", context); });
    Context other = std::move(context);
    thrown<libvault::InvalidArgument>([&] { second.encrypt("data", context); });
    context = std::move(other);
    envelope = std::move(moved);
    Buffer &alias = envelope;
    envelope = std::move(alias);
    first = std::move(second);
    CHECK(first.decrypt(envelope, context).toVector().size() == 4);
    envelope = first.encrypt("other data", context);
    CHECK(first.decrypt(envelope, context).text() == "other data");
}

void test_close_and_threads(const char *config) {
    const Vault opened = Vault::open(config);
    const Context context{{"organization_id", "org_1"}};
    std::vector<std::thread> threads;
    for (int index = 0; index < 4; index++) {
        threads.emplace_back([&] {
            for (int round = 0; round < 20; round++) {
                CHECK(opened.decrypt(opened.encrypt("data", context), context).text() == "data");
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    CHECK(opened.stats().managed_wraps >= 80);
    CHECK(opened.warnings().empty());
    opened.close();
    thrown<libvault::Closed>([&] { opened.encrypt("data", context); });
    CHECK(opened.stats().managed_wraps >= 80);
}

/// A source of which reading fails after a while.
class FailingBuffer : public std::streambuf {
    int_type underflow() override {
        if (std::exchange(first_, false)) {
            setg(bytes_, bytes_, bytes_ + sizeof bytes_);
            return traits_type::to_int_type(bytes_[0]);
        }
        throw std::runtime_error("the disk is broken");
    }

    char bytes_[100] = {};
    bool first_ = true;
};

template <class Operation>
bool refuses(Operation operation) {
    try {
        operation();
    } catch (const std::ios_base::failure &) {
        return true;
    }
    return false;
}

void test_streams(const Vault &opened) {
    const Context context{{"organization_id", "org_1"}};
    std::string text(100000, 'x');
    std::stringstream source(text), envelope, again;
    libvault::EncryptWriter writer(opened.encryptor(context, "aad", {4096}), envelope);
    writer.write(source).write("the end");
    writer.finish();
    text += "the end";
    CHECK(opened.decrypt(envelope.str(), context, "aad").text() == text);

    std::stringstream first(envelope.str());
    libvault::DecryptReader(opened.decryptor(context, "aad"), first).read(again);
    CHECK(again.str() == text);

    std::stringstream second(envelope.str());
    libvault::DecryptReader reader(opened.decryptor(context, "aad"), second);
    std::string read;
    char piece[1000];
    for (std::size_t count; (count = reader.read(piece)) > 0;) {
        read.append(piece, count);
    }
    CHECK(read == text && reader.read(piece) == 0);

    // A truncated envelope gives whole frames, and then says so.
    std::stringstream cut(envelope.str().substr(0, 50000)), part;
    libvault::DecryptReader truncated(opened.decryptor(context, "aad"), cut);
    thrown<libvault::AuthenticationFailed>([&] { truncated.read(part); });
    CHECK(!part.str().empty() && part.str() == text.substr(0, part.str().size()));

    // A file that could not be opened is no empty one.
    std::ifstream missing("there is no such file");
    std::stringstream nothing;
    libvault::EncryptWriter from_missing(opened.encryptor(context), nothing);
    CHECK(refuses([&] { from_missing.write(missing); }));
    libvault::DecryptReader of_missing(opened.decryptor(context), missing);
    CHECK(refuses([&] { of_missing.read(nothing); }));

    // Nor is one that fails on its way.
    FailingBuffer failing;
    std::istream partial(&failing);
    CHECK(refuses([&] { from_missing.write(partial); }));

    std::stringstream broken;
    broken.setstate(std::ios::badbit);
    libvault::EncryptWriter to_broken(opened.encryptor(context), broken);
    CHECK(refuses([&] { to_broken.finish(); }));
}

void test_random_access_and_files(const Vault &opened, const std::filesystem::path &directory) {
    const Context context{{"organization_id", "org_1"}};
    std::string text;
    for (int index = 0; index < 50000; index++) {
        text += std::to_string(index);
    }
    const auto plain = directory / "plain", encrypted = directory / "encrypted", decrypted = directory / "decrypted";
    std::ofstream(plain, std::ios::binary) << text;
    opened.encryptFile(plain, encrypted, context, "aad");
    thrown<libvault::Conflict>([&] { opened.encryptFile(plain, encrypted, context, "aad"); });
    opened.encryptFile(plain, encrypted, context, "aad", true);
    opened.decryptFile(encrypted, decrypted, context, "aad");
    std::stringstream again;
    again << std::ifstream(decrypted, std::ios::binary).rdbuf();
    CHECK(again.str() == text);
    thrown<libvault::InvalidArgument>([&] { opened.decryptFile(directory / "absent", directory / "new", context); });
    CHECK(!std::filesystem::exists(directory / "new"));

    std::ifstream source(encrypted, std::ios::binary);
    libvault::Reader reader = opened.reader(source, context, "aad");
    CHECK(reader.length() == text.size());
    std::array<char, 1000> piece;
    for (const std::size_t offset : {std::size_t(0), std::size_t(65000), std::size_t(131072), text.size() - 10, text.size()}) {
        const std::size_t count = reader.readAt(offset, piece);
        CHECK(std::string(piece.data(), count) == text.substr(offset, 1000));
    }
    CHECK(reader.readAt(UINT64_MAX, piece) == 0);
    source.close();
    thrown<libvault::InvalidArgument>([&] { reader.readAt(0, piece); });
    for (const auto &path : {plain, encrypted, decrypted}) {
        std::filesystem::remove(path);
    }
}

void test_changes(const Vault &opened) {
    const Context context{{"organization_id", "org_1"}}, other{{"organization_id", "org_2"}};
    const Buffer envelope = opened.encrypt("data", context, "aad");
    CHECK(opened.decrypt(opened.rewrap(envelope, context, {true, libvault::Downgrade::Allow}), context, "aad").text() == "data");
    CHECK(opened.decrypt(opened.reencrypt(envelope, context, "aad"), context, "aad").text() == "data");
    const libvault::DataKey made = opened.createDataKey(context);
    CHECK(opened.decryptDataKey(opened.rekey(made.bundle, context, other), other).key.text() == made.key.text());
}

void test_views_and_log(const char *config) {
    const Vault opened = Vault::open(config);
    const Context context{{"organization_id", "org_1"}};
    const libvault::CancelToken token;
    const auto options = libvault::CallOptions().timeout(std::chrono::hours(1)).cancel(token).actor("somebody");
    const Vault view = opened.with(options), free_view = opened.with({});
    view.encrypt("data", context);
    token.cancel();
    thrown<libvault::Cancelled>([&] { view.encrypt("data", context); });
    free_view.encrypt("data", context);
    thrown<libvault::InvalidArgument>([&] { opened.with(libvault::CallOptions().actor("")); });

    auto events = std::make_shared<std::vector<std::string>>();
    opened.setLog([events](const libvault::LogRecord &record) { events->emplace_back(record.event); });
    opened.reload(config);
    CHECK(events->back() == "reloaded");
    thrown<libvault::InvalidConfig>([&] { opened.reloadToml("x = 1"); });
    CHECK(events->back() == "reloaded");
    thrown<libvault::InvalidConfig>([&] {
        opened.reloadToml("store = 'vault.db'\n[root_key]\nprovider = 'local'\npath = '/no/such/root.key'\n");
    });
    CHECK(events->back() == "reload_failed");
    opened.setLog([](const libvault::LogRecord &) { throw std::runtime_error("from a sink"); });
    CHECK(events.use_count() == 1);  // the first sink is gone
    opened.reload(config);
    opened.setLog({});
    CHECK(opened.stats().reloads == 2);
}

}  // namespace

int main(int argc, char **argv) {
    CHECK(argc == 2);
    CHECK(libvault::hasFeature("aws") == bool(EXPECTED_AWS) && !libvault::hasFeature("no such feature"));
    CHECK(libvault::version() == std::string(vault_version()));
    const std::filesystem::path directory = std::filesystem::path(argv[1]).parent_path() / "made";
    std::filesystem::remove_all(directory);
    Vault::open(libvault::init(directory));
    thrown<libvault::Conflict>([&] { libvault::init(directory); });
    const Vault opened = Vault::open(argv[1]);
    test_error_classes();
    test_errors(opened);
    test_bytes(opened);
    test_contexts(opened);
    test_data_keys(opened);
    test_moves(argv[1]);
    test_close_and_threads(argv[1]);
    test_streams(opened);
    test_random_access_and_files(opened, directory);
    test_changes(opened);
    opened.afterRestore();
    test_views_and_log(argv[1]);
    std::printf("c++ api: ok\n");
    return 0;
}
