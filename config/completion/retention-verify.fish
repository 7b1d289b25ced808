# fish completion for retention-verify
complete -c retention-verify -n __fish_use_subcommand -a log -d "every entry, tile and key"
complete -c retention-verify -n __fish_use_subcommand -a entry -d "one entry and its proof"
complete -c retention-verify -n __fish_use_subcommand -a checkpoint -d "that the log has grown from one to the other"
complete -c retention-verify -l key -r -d "a verifier key, or a file of them"
complete -c retention-verify -l checkpoint -r -d "a checkpoint that was kept elsewhere"
complete -c retention-verify -l witness -r -d "a witness's verifier key, or a file of them"
complete -c retention-verify -l log -r -a "(__fish_complete_directories)" -d "the log that the proof is made from"
complete -c retention-verify -l json -d "one JSON object"
complete -c retention-verify -l help
complete -c retention-verify -l version
