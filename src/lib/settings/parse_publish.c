/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What leaves the box, and where to: `publish`. */
#include "settings/parse.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum {
	HOST_BYTES_MAX = 253,
	URL_BYTES_MAX = 1024,
	KEY_NAME_BYTES_MAX = 255,
	KEY_HASH_DIGITS = 8,
	KEY_BASE64_BYTES = 44, /* one byte for the algorithm, 32 of the key */
	PORT_DIGITS_MAX = 5,
};

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* "udp://" and the like, cut off the front; NULL where it begins with none of them. */
static const char *scheme_skip(const char *url, const char *const *schemes, size_t count) {
	for (size_t i = 0; i < count; i++)
		if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
			return url + strlen(schemes[i]);
	return NULL;
}

/* After a name, an IPv4 address, or an IPv6 address in brackets; NULL where there is none. */
static const char *host_skip(const char *text) {
	char address[INET6_ADDRSTRLEN];
	struct in6_addr binary;
	size_t length;
	if (text[0] != '[') {
		length = strspn(text, LETTERS DIGITS ".-");
		return length > 0 && length <= HOST_BYTES_MAX && text[0] != '-' && text[0] != '.' ? text + length : NULL;
	}
	length = strcspn(text + 1, "]");
	if (text[1 + length] != ']' || length >= sizeof(address))
		return NULL;
	memcpy(address, text + 1, length);
	address[length] = '\0';
	return inet_pton(AF_INET6, address, &binary) == 1 ? text + length + 2 : NULL;
}

/* After ":514"; NULL where there is none. */
static const char *port_skip(const char *text) {
	size_t digits = text[0] == ':' ? strspn(text + 1, DIGITS) : 0;
	if (digits == 0 || digits > PORT_DIGITS_MAX)
		return NULL;
	unsigned long port = strtoul(text + 1, NULL, 10);
	return port >= 1 && port <= UINT16_MAX ? text + 1 + digits : NULL;
}

static bool receiver_is_sound(const char *receiver) {
	static const char *const schemes[] = {"udp://", "tcp://", "tls://"};
	const char *at = scheme_skip(receiver, schemes, ARRAY_LENGTH(schemes));
	at = at == NULL ? NULL : host_skip(at);
	at = at == NULL ? NULL : port_skip(at);
	return at != NULL && *at == '\0';
}

static void read_receiver(struct config_source *source, const config_setting_t *at, struct settings *settings) {
	const char *text = config_setting_get_string(at);
	if (text == NULL || !receiver_is_sound(text)) {
		config_refuse(source, at,
		    "'%s' is not a syslog receiver; write \"tcp://HOST:601\", \"tls://HOST:6514\", \"udp://HOST:514\", or "
		    "the like with \"[ADDRESS]\" for an IPv6 address",
		    text == NULL ? "syslog" : text);
		return;
	}
	for (size_t i = 0; i < settings->publish.receiver_count; i++)
		if (strcmp(settings->publish.receivers[i], text) == 0) {
			config_refuse(source, at, "syslog receiver '%s' stands twice; write it once", text);
			return;
		}
	char **place = &settings->publish.receivers[settings->publish.receiver_count];
	config_set_text(source, place, text);
	if (*place != NULL)
		settings->publish.receiver_count++;
}

static void read_receivers(struct config_source *source, const config_setting_t *in, struct settings *settings) {
	const config_setting_t *list = config_list(source, in, "syslog");
	settings->publish.receivers =
	    config_list_room(source, list, "syslog receivers", RECEIVERS_MAX, sizeof(*settings->publish.receivers));
	if (list == NULL || settings->publish.receivers == NULL)
		return;
	for (int i = 0; i < config_setting_length(list) && !source->no_memory; i++)
		read_receiver(source, config_setting_get_elem(list, (unsigned)i), settings);
}

/* The prefix before "/add-checkpoint": it loses the slashes at its end. */
static void read_url(struct config_source *source, const config_setting_t *in, char **value) {
	static const char *const schemes[] = {"http://", "https://"};
	config_read_text(source, in, "url", value);
	if (*value == NULL)
		return;
	const char *at = scheme_skip(*value, schemes, ARRAY_LENGTH(schemes));
	at = at == NULL ? NULL : host_skip(at);
	if (at != NULL && *at == ':')
		at = port_skip(at);
	size_t length = strlen(*value);
	if (at == NULL || length > URL_BYTES_MAX || (*at != '\0' && *at != '/') ||
	    strspn(at, LETTERS DIGITS "/.-_~%!$&'()*+,;=:@") != strlen(at)) {
		config_refuse(source, config_setting_get_member(in, "url"),
		    "'url' is not the address of a witness; write url = \"https://HOST/PATH\"; as the witness gives it, "
		    "without /add-checkpoint");
		return;
	}
	while ((*value)[length - 1] == '/')
		(*value)[--length] = '\0';
}

/* The name of a signed note's key: no space and no plus, for these end it. */
static bool key_name_is_sound(const char *name, size_t length) {
	return length > 0 && length <= KEY_NAME_BYTES_MAX && strcspn(name, " +") >= length;
}

/* "name+hash+base64" of a cosignature/v1 key, by its shape: what it verifies is lib/audit's to say. */
static bool witness_key_is_sound(const char *key) {
	size_t name = strcspn(key, "+");
	if (!key_name_is_sound(key, name) || key[name] != '+')
		return false;
	const char *hash = key + name + 1;
	if (strspn(hash, DIGITS "abcdef") != KEY_HASH_DIGITS || hash[KEY_HASH_DIGITS] != '+')
		return false;
	const char *bytes = hash + KEY_HASH_DIGITS + 1;
	/* The first byte, the algorithm, is 4. */
	return strlen(bytes) == KEY_BASE64_BYTES && strspn(bytes, LETTERS DIGITS "+/") == KEY_BASE64_BYTES &&
	       bytes[0] == 'B' && bytes[1] >= 'A' && bytes[1] <= 'P';
}

static void read_witness(struct config_source *source, const config_setting_t *in, struct settings *settings) {
	static const char *const keys[] = {"url", "key"};
	struct witness_settings *witness = &settings->publish.witnesses[settings->publish.witness_count++];
	size_t refused = source->refused;
	if (!config_setting_is_group(in)) {
		config_refuse(source, in, "a witness is not a group; write { url = \"https://…\"; key = \"NAME+HASH+KEY\"; }");
		return;
	}
	config_check_keys(source, in, keys, ARRAY_LENGTH(keys));
	read_url(source, in, &witness->url);
	config_read_text(source, in, "key", &witness->key);
	if (witness->key != NULL && !witness_key_is_sound(witness->key))
		config_refuse(source, config_setting_get_member(in, "key"),
		    "'key' is not the verifier key of a witness; write key = \"NAME+HASH+KEY\"; as the witness gives it "
		    "(cosignature/v1: its last part begins with B)");
	else if ((witness->url == NULL || witness->key == NULL) && source->refused == refused)
		config_refuse(source, in, "a witness without %s; write { url = \"https://…\"; key = \"NAME+HASH+KEY\"; }",
		    witness->url == NULL ? "url" : "key");
	for (size_t i = 0; i + 1 < settings->publish.witness_count; i++)
		if (witness->url != NULL && settings->publish.witnesses[i].url != NULL &&
		    strcmp(settings->publish.witnesses[i].url, witness->url) == 0)
			config_refuse(source, in, "witness '%s' stands twice; write it once", witness->url);
}

static void read_witnesses(struct config_source *source, const config_setting_t *in, struct settings *settings) {
	const config_setting_t *list = config_list(source, in, "witnesses");
	settings->publish.witnesses =
	    config_list_room(source, list, "witnesses", WITNESSES_MAX, sizeof(*settings->publish.witnesses));
	if (list == NULL || settings->publish.witnesses == NULL)
		return;
	for (int i = 0; i < config_setting_length(list) && !source->no_memory; i++)
		read_witness(source, config_setting_get_elem(list, (unsigned)i), settings);
}

void publish_read(struct config_source *source, struct settings *settings) {
	static const char *const keys[] = {"syslog", "witnesses", "log_origin"};
	const config_setting_t *in = config_group(source, config_root_setting(&source->config), "publish");
	if (in == NULL)
		return;
	config_check_keys(source, in, keys, ARRAY_LENGTH(keys));
	read_receivers(source, in, settings);
	read_witnesses(source, in, settings);
	config_read_text(source, in, "log_origin", &settings->publish.origin);
	const char *origin = settings->publish.origin;
	if (origin != NULL && !key_name_is_sound(origin, strlen(origin)))
		config_refuse(source, config_setting_get_member(in, "log_origin"),
		    "'log_origin' cannot name a log; write a name without spaces and '+', such as \"recorder.example/audit\"");
}
