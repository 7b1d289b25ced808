/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the inner nodes of a Merkle tree cost with libcrypto: node_bench NODES hashes so many pairs of 32 bytes; prints
 * seconds. */
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NODE_BYTES = 65, HASH_BYTES = 32 };

int main(int count, char **arguments) {
	long nodes = count == 2 ? strtol(arguments[1], NULL, 10) : 0;
	EVP_MD *algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	if (nodes < 1 || algorithm == NULL || context == NULL) {
		(void)fprintf(stderr, "usage: node_bench NODES\n");
		return 64;
	}
	uint8_t node[NODE_BYTES] = {1};
	struct timespec from, to;
	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	for (long i = 0; i < nodes; i++)
		/* Each depends on the one before, so that none can be left out. */
		if (EVP_DigestInit_ex2(context, algorithm, NULL) != 1 || EVP_DigestUpdate(context, node, NODE_BYTES) != 1 ||
		    EVP_DigestFinal_ex(context, node + 1 + (i & 1) * HASH_BYTES, NULL) != 1)
			return 1;
	(void)clock_gettime(CLOCK_MONOTONIC, &to);
	(void)printf("%.6f\n", (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
	EVP_MD_CTX_free(context);
	EVP_MD_free(algorithm);
	return 0;
}
