/* A session with ourselves, over no network, and a judgement of our own platform: what the first hand-over would otherwise do for the first time while a
 * machine stands still. libssl has looked up what it needs; and the signatures of certificates, CRLs and collateral, which platforms of one operator
 * share, have been checked (memory.h). Nothing else stays. */
#include "enclave/lib/ocall.h"
#include "enclave/mige/mige.h"
#include "enclave/mige/ratls.h"

static uint8_t flight_bytes[LIMIT_FRAME / 2], attest_bytes[CHANNEL_MESSAGE_MAX];

static enum tcb_error pass(struct channel *from, struct channel *to)
{
	struct writer w = WRITER_OF(flight_bytes);

	TRY(channel_drain(from, &w));
	return channel_feed(to, span_of(flight_bytes, w.size));
}

static enum tcb_error shake_hands(struct channel *client, struct channel *server)
{
	bool client_done = false, server_done = false;

	for (int flight = 0; flight < 4 && !(client_done && server_done); flight++) {
		TRY(channel_handshake(client, &client_done));
		TRY(pass(client, server));
		TRY(channel_handshake(server, &server_done));
		TRY(pass(server, client));
	}
	return client_done && server_done ? TCB_OK : TCB_CRYPTO;
}

static enum tcb_error show(const struct mige *m, struct channel *client, struct channel *server, struct span *ret_body, struct diagnosis *d)
{
	struct wan_attest attest = { .certified_ak = mige_certified_ak(m) };
	struct writer w = WRITER_OF(attest_bytes);
	enum wan_kind kind;
	struct span body;
	bool has;

	TRY(host_collateral(&attest.collateral, d));
	wan_attest_encode(&w, &attest);
	TRY(writer_end(&w, &body));
	TRY(channel_send(client, WAN_ATTEST, body));
	TRY(pass(client, server));
	TRY(channel_receive(server, &has, &kind, ret_body));
	return has ? TCB_OK : TCB_CRYPTO;
}

static enum tcb_error meet(struct mige *m, struct channel *client, struct mige_connection *server, struct diagnosis *d)
{
	struct judged_peer *peer = &server->peer;
	struct wan_attest attest;
	struct span body;
	uint64_t now_s;

	TRY(shake_hands(client, &server->channel));
	TRY(ratls_peer(server->channel.ssl, &peer->key, peer->quote, &peer->quote_size));
	TRY(show(m, client, &server->channel, &body, d));
	TRY(wan_attest_decode(body, &attest));
	TRY(host_time(&now_s, d));
	return judge_peer(&m->judge, JUDGE_DESTINATION, &attest, now_s, peer, d);
}

enum tcb_error mige_rehearse(struct mige *m, struct diagnosis *d)
{
	struct mige_connection *server = &m->connections[0]; /* both are free yet */
	struct channel *client = &m->connections[1].channel;
	enum tcb_error error = channel_open(client, m->tls, false);

	if (error == TCB_OK)
		error = channel_open(&server->channel, m->tls, true);
	if (error == TCB_OK)
		error = meet(m, client, server, d);
	channel_close(client);
	channel_close(&server->channel);
	return error;
}
