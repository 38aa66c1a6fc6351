"""What a dossier says of itself to whoever opens it: `README.txt`, in Chinese and in English."""

EXPLAINED = """\
证据包说明

这是一个办件的证据包。打开 index.html 阅读；其中个人信息已作掩码处理。
核验不需要数据库，也不需要网络：

    caseledger verify 文件.zip --key 日志公钥        或    --policy 策略文件

公钥或策略必须从别处取得（例如监管部门公布的）。包内的 policy 只供阅读：
任何人伪造证据包时都可以放入自己的公钥，用包内公钥核验不能证明任何事。
请核验原文件；解压后重新压缩的文件不被接受。

文件
  manifest.json                     目录：案号、检查点、版本、决定前后的位置、各文件摘要
  manifest.note                     日志保管人对目录的签名声明：检查点之前本办件共有 n 个版本
  checkpoint                        日志的检查点，附全部见证签名
  checkpoint.open                   拒绝记录所在日志的检查点（如有）
  case-<位置>.event                 办件的每条记录，与存储的字节完全一致（个人信息为密文）
  rule-<位置>.event                 办件所依据的事项、规则、授权、印章、日历的记录
  refusal-<位置>.event              对本办件的被拒绝操作
  *.tlog-proof                      各条记录在检查点之下的存在证明（C2SP tlog-proof）
  time-stamp-<摘要>.tsr             检查点的可信时间戳（RFC 3161，如有）
  document-<摘要>                   材料和文书原件，文件名即其 SHA-256（如已放入）
  policy                            日志公钥，仅供阅读
  vkey                              日志公钥，含国密（SM2）公钥，仅供阅读（如有）

不能证明的事
  证明只说明“有”，不说明“没有别的”。版本 1 至 n 无缺号，由保管人签名声明；
  检查点之后记录的内容不在包内，须与更新的检查点或日志核对。
  人工时钟的试用台账在来源名称中写有 simulated。

About this dossier

This is the dossier of one case.  Open index.html to read it; personal fields are masked there.
Verifying takes neither a database nor a network:

    caseledger verify FILE.zip --key VERIFIER-KEY      or    --policy POLICY-FILE

Take the key or the policy from somewhere else, such as what the supervising body publishes.
The `policy` in here is for reading only: whoever forges a dossier puts their own key in, so
verifying with it proves nothing.  Verify the file as it was handed over: one that was unpacked
and packed again is refused.

Files
  manifest.json               what is in here: number, checkpoint, versions, positions recorded
                              before and after the decision, the digest of each file
  manifest.note               signed by the keeper of the log: this case has n versions below the
                              checkpoint, and this is the manifest
  checkpoint                  of the log, with all cosignatures
  checkpoint.open             of the log in which refusals stand, if there are any
  case-<position>.event       each event of the case, the bytes as stored (personal fields are
                              ciphertext)
  rule-<position>.event       the items, policies, appointments, seals and calendars it rests on
  refusal-<position>.event    what was refused on this case
  *.tlog-proof                the proof of each under its checkpoint (C2SP tlog-proof)
  time-stamp-<digest>.tsr     time stamps of the checkpoint (RFC 3161), if there are any
  document-<digest>           documents, named by their SHA-256, as far as they were packed
  policy                      the keys of the log, for reading
  vkey                        the same with those by SM2, for reading, if there are any

What this does not prove
  A proof shows that something is there, never that nothing else is.  That versions 1 to n are
  all of them is stated and signed by the keeper of the log.  What was recorded after the
  checkpoint is not in here: compare with a later checkpoint, or with the log.
  A ledger whose clock can be set says `simulated` in its origin.
"""
