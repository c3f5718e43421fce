/* A small HTTP service whose versions behave as its environment says. A thread for each connection; no libraries.

   PORT         where it listens; 8080
   VERSION      what it answers, and says in X-Version
   LATENCY_MS   how long a request takes, and JITTER_MS up to how much longer
   ERRORS       how many of a thousand requests are answered with 500
   BOOT_MS      how long after its start it listens
   LEAK_KB      how much memory each request leaves behind
   TERM_MODE    what SIGTERM does: exit (at once, whatever is in flight), ignore, or finish (the default): what is in
                flight is answered, with Connection: close
   A request for /healthz takes no time and is no error, nor one for /metrics, which counts all others for Prometheus. One
   for /slow takes 0.3 to 1.5 seconds, one for /slow/MS so many milliseconds. One for /stream/MS says the version, and so
   much later again. A websocket is told the version for each line that it says: who opens it says the key of RFC 6455's
   example, so that the answer to it needs no SHA-1. */

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PORT = 8080, REQUEST = 65536 };

static const char *version;
static int latency, jitter, errors, leak;
static volatile sig_atomic_t finishing;
static atomic_long requests, failures;

static int number(const char *name) {
    const char *value = getenv(name);
    return value ? atoi(value) : 0;
}

static void pause_ms(int ms) {
    struct timespec left = {ms / 1000, (ms % 1000) * 1000000L};
    while (nanosleep(&left, &left) != 0) {
    }
}

static void at_once(int signal) {
    (void)signal;
    _exit(0);
}

static void finish(int signal) {
    (void)signal;
    finishing = 1;
}

/* Reads one request whole; what it says in its first line is left in `request`. 0 when there is no more. */
static int heard(int client, char *request) {
    size_t have = 0;
    char *end = NULL;
    while (!end) {
        ssize_t got = recv(client, request + have, REQUEST - 1 - have, 0);
        if (got <= 0) return 0;
        have += (size_t)got;
        request[have] = 0;
        end = strstr(request, "\r\n\r\n"); /* what follows is of the body */
    }
    const char *length = strcasestr(request, "\r\nContent-Length:");
    long body = length && length < end ? atol(length + 17) : 0;
    long left = body - (long)(have - (size_t)(end + 4 - request));
    char sink[4096];
    while (left > 0) {
        ssize_t got = recv(client, sink, left < (long)sizeof sink ? (size_t)left : sizeof sink, 0);
        if (got <= 0) return 0;
        left -= got;
    }
    return 1;
}

static int said(int client, const char *words, size_t length) {
    return send(client, words, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static int takes(unsigned *seed) {
    return latency + (jitter ? (int)(rand_r(seed) % (unsigned)jitter) : 0);
}

/* The number after a path that begins so; -1 where it does not, 0 where there is none. */
static int after(const char *path, const char *begin) {
    size_t length = strlen(begin);
    if (!path || strncmp(path, begin, length) != 0) return -1;
    return path[length] == '/' ? atoi(path + length + 1) : 0;
}

static void talk(int client, unsigned *seed) {
    static const char head[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    char line[REQUEST / 16], answer[512];
    int length = snprintf(answer, sizeof answer, "%s\n", version);
    if (!said(client, head, sizeof head - 1)) return;
    for (ssize_t got; (got = recv(client, line, sizeof line, 0)) > 0;) {
        if (line[got - 1] != '\n') continue;
        pause_ms(takes(seed));
        if (!said(client, answer, (size_t)length)) return;
    }
}

static void *volatile left_behind; /* or the compiler leaves out what nobody reads */

static void leave_behind(void) {
    if (leak) left_behind = memset(malloc((size_t)leak * 1024), 1, (size_t)leak * 1024);
}

static void *serve(void *argument) {
    int client = (int)(long)argument, one = 1;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    unsigned seed = (unsigned)(client * 7919 + now.tv_nsec); /* connections that come together differ */
    char *request = malloc(REQUEST), answer[512];
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    while (heard(client, request)) {
        const char *path = strchr(request, ' ');
        int healthy = after(path, " /healthz") == 0, failed = 0, slow = after(path, " /slow");
        int asked = after(path, " /metrics") == 0, later = after(path, " /stream"), times = later >= 0 ? 2 : 1;
        if (strcasestr(request, "\r\nUpgrade: websocket")) {
            talk(client, &seed);
            break;
        }
        if (!healthy && !asked) {
            pause_ms(slow > 0 ? slow : slow == 0 ? 300 + (int)(rand_r(&seed) % 1200) : takes(&seed));
            failed = (int)(rand_r(&seed) % 1000) < errors;
            leave_behind();
            atomic_fetch_add(&requests, 1);
            atomic_fetch_add(&failures, failed);
        }
        char body[128];
        if (asked) {
            snprintf(body, sizeof body, "app_requests_total %ld\napp_failed_total %ld\n", requests, failures);
        } else {
            snprintf(body, sizeof body, "%s\n", version);
        }
        const char *close_word = finishing ? "close" : "keep-alive";
        int length = snprintf(answer, sizeof answer,
                              "HTTP/1.1 %s\r\nContent-Length: %zu\r\nX-Version: %s\r\nConnection: %s\r\n"
                              "Content-Type: text/plain\r\n\r\n%s",
                              failed ? "500 Broken" : "200 OK", (size_t)times * strlen(body), version, close_word, body);
        if (!said(client, answer, (size_t)length)) break;
        if (times == 2) {
            pause_ms(later);
            if (!said(client, body, strlen(body))) break;
        }
        if (finishing) break;
    }
    free(request);
    close(client);
    return NULL;
}

int main(void) {
    const char *term = getenv("TERM_MODE") ? getenv("TERM_MODE") : "finish";
    version = getenv("VERSION") ? getenv("VERSION") : "1";
    latency = number("LATENCY_MS"), jitter = number("JITTER_MS"), errors = number("ERRORS"), leak = number("LEAK_KB");
    struct sigaction action = {.sa_handler = finish}; /* without SA_RESTART, so that accept ends */
    if (strcmp(term, "exit") == 0) action.sa_handler = at_once;
    if (strcmp(term, "ignore") == 0) action.sa_handler = SIG_IGN;
    sigaction(SIGTERM, &action, NULL);
    pause_ms(number("BOOT_MS"));
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(getenv("PORT") ? number("PORT") : PORT)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&here, sizeof here) != 0 || listen(listener, 512) != 0) return 1;
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
    while (!finishing) {
        pthread_t thread;
        int client = accept(listener, NULL, NULL);
        if (client >= 0 && pthread_create(&thread, &small, serve, (void *)(long)client) != 0) close(client);
    }
    close(listener);
    pause_ms(1000 + latency + jitter);
    return 0;
}
