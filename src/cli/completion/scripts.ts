export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * Each script hands the words of the line to `fairlead __complete --at <index> -- <words>` as arguments and never to
 * `eval`: what is typed is not run. The answer is one `value TAB description` a line, then `:files` where the shell
 * should offer files, or `:none`. `--at` is the index of the word under the cursor: shells lose empty words.
 */
export const scripts: Readonly<Record<Shell, string>> = {
  bash: `# bash completion of fairlead
_fairlead() {
  local value description answer=none
  COMPREPLY=()
  while IFS=$'\\t' read -r value description; do
    case $value in
      :*) answer=\${value#:} ;;
      *) COMPREPLY+=("$value") ;;
    esac
  done < <("$1" __complete --at "$((COMP_CWORD - 1))" -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [[ $answer == files ]]; then compopt -o default 2>/dev/null; fi
}
complete -F _fairlead fairlead
`,
  zsh: `#compdef fairlead
_fairlead() {
  local line answer=none
  local -a values
  while IFS= read -r line; do
    case $line in
      :*) answer=\${line#:} ;;
      *) values+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done < <("\${words[1]}" __complete --at "$((CURRENT - 2))" -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)
  (( $#values )) && _describe -t values fairlead values
  [[ $answer == files ]] && _files
}
if [[ $funcstack[1] == _fairlead ]]; then _fairlead "$@"; else compdef _fairlead fairlead; fi
`,
  fish: `# fish completion of fairlead
function __fairlead_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    set -l current (commandline -ct)
    for line in ($program __complete --at (count $words) -- $words $current 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path $current
            case ':*'
            case '*'
                echo $line
        end
    end
end
complete -c fairlead -f -a '(__fairlead_complete)'
`,
  powershell: `# PowerShell completion of fairlead
Register-ArgumentCompleter -Native -CommandName fairlead -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements |
    Where-Object { $_.Extent.StartOffset -lt $cursorPosition } |
    ForEach-Object { "$_" })
  $at = $words.Count - 1
  if ($wordToComplete -ne '') { $at = $at - 1 }
  $rest = @($words | Select-Object -Skip 1)
  & $words[0] __complete --at $at '--' @rest 2>$null | ForEach-Object {
    if (-not $_.StartsWith(':')) {
      $value, $description = $_ -split "\`t", 2
      if (-not $description) { $description = $value }
      [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $description)
    }
  }
}
`,
};
